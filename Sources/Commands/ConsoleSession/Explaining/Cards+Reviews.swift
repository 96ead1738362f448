import Authority
import CanonicalJSON
import Cells
import Console
import Keys
import Registry
import Statements

// Everything that waits for one review, whole, to read and to keep.
extension Cards {
  func reviews(_ request: ConsentRequest) throws -> [Line] {
    let contents = try Consents.reviews(request, ledger, log)
    let subject = contents.group.subject
    var lines = [
      Line(ReviewKind.words(subject.kind), SafeText(subject.what), .title),
      Line("by", SafeText(subject.who)), Line("because", SafeText(subject.reason)),
      Line(
        "statements",
        SafeText(
          contents.hasMore
            ? "the oldest \(contents.items.count) of \(contents.group.count)"
            : "\(contents.items.count)")),
    ]
    for item in contents.items {
      lines += [
        Line(
          "#\(item.row.index)",
          SafeText("\(item.entry.received.textToSeconds)  \(item.words)"), .title,
          target: .entry(item.row.index)),
        Line("sha256", SafeText(item.row.subject.hex)),
      ]
      if let context = item.action?.context, !context.members.isEmpty {
        lines.append(
          Line(
            "context", SafeText(JSONValue.object(context).exactText) + "   not verified",
            .untrusted))
      }
    }
    return lines
  }

  /// The same as JSON: what `reviews show --json` prints.
  func reviewsJSON(_ group: Digest) throws -> Document {
    let contents = try Consents.reviews(.reviews(group), ledger, log)
    return Document(
      .json(.reviewGroup(group)), title: "Reviews as JSON",
      lines: JSONText.lines(contents.json).map { Line("", $0) })
  }
}
