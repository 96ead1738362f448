import CanonicalJSON
import Keys
import Statements
import TestSupport
import Testing

/// The list of statements that one review covers.
@Suite struct ReviewCompletedTests {
  private func subject(_ number: Int, index: Int64? = 0) -> ReviewCompleted.Subject {
    ReviewCompleted.Subject(Digest.sha256(Array("\(number)".utf8)), index: index)
  }

  private func draft(_ body: ReviewCompleted) throws -> StatementDraft {
    try StatementDraft(
      StatementHeader(
        at: Timestamp(milliseconds: 1), head: TreeHead(size: 0, root: Digest.sha256([])),
        id: ByteString(String(repeating: "ab", count: 16)),
        registry: ByteString(String(repeating: "cd", count: 32)),
        signer: Principal.named("user:alice")), .reviewCompleted(body))
  }

  private func read(_ body: JSONValue) throws -> ReviewCompleted {
    guard
      case .reviewCompleted(let review) = try StatementBody(type: .reviewCompleted, json: body)
    else { throw CancellationError() }
    return review
  }

  @Test func `subjects stand in the order of their digests, whatever order they came in`() throws {
    let subjects = (0..<20).map { subject($0, index: $0 == 3 ? nil : Int64($0)) }
    let review = ReviewCompleted(subjects.reversed(), outcome: .unjustified, note: "n")
    #expect(review.subjects == subjects.sorted { $0.digest < $1.digest })
    #expect(review.subjects.map(\.digest.hex) == review.subjects.map(\.digest.hex).sorted())
    #expect(try read(review.json) == review)
  }

  @Test(
    "a list that is empty, out of order, repeats or is too long is refused, naming what is wrong",
    arguments: ["empty", "reversed", "twice", "long", "unknown"])
  func malformed(_ kind: String) throws {
    let good = ReviewCompleted((0..<4).map { subject($0) }, outcome: .justified, note: "n")
    var object = try #require(good.json.object)
    let elements = try #require(object["subjects"]?.array)
    let (changed, words): ([JSONValue], String) =
      switch kind {
      case "empty": ([], "is empty")
      case "reversed": (elements.reversed(), "digests ascend, each once")
      case "twice": ([elements[0]] + elements, "digests ascend, each once")
      case "long":
        (
          ReviewCompleted(
            (0...ReviewCompleted.limit).map { subject($0) }, outcome: .justified, note: ""
          )
          .json["subjects"]?.array ?? [], "at most 512"
        )
      default:
        ([["subject": JSONValue(Digest.sha256([]).hex), "why": "x"]], "is not a known member")
      }
    object["subjects"] = .array(changed)
    #expect {
      _ = try read(.object(object))
    } throws: { error in
      "\(error)".contains(words)
    }
  }

  @Test func `the longest list with the longest note fits in one log entry`() throws {
    let note = ByteString(String(repeating: "n", count: 2048))
    let review = ReviewCompleted(
      (0..<ReviewCompleted.limit).map { subject($0, index: 999_999_999_999) }, outcome: .justified,
      note: note)
    let envelope = try draft(review).signed(by: try SigningKey.derived(from: "alice"))
    let bytes = try LogEntry(received: Timestamp(milliseconds: 99), envelope: envelope).bytes()
    #expect(bytes.count <= 65_535)
    let parts = try StatementParts(
      payloadType: envelope.payloadType, payload: envelope.payload)
    #expect(parts.body == .reviewCompleted(review))
  }
}
