import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// What a person reads before approving is what the agent signed, number by number.
@Suite struct ReviewExactnessTests {
  private func held(_ params: JSONObject) async throws -> (World, HoldReview) {
    let world = try World(
      policy: """
        package agent.authz
        require_approval if input.action == "deploy"
        """)
    let answer = try await world.authority().decide(try world.action(params: params))
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let hold = try #require(answer.hold?.digest)
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(hold, $0) })
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: world.ledger.state, voter: world.bob, now: world.clock.now)
    return (world, review)
  }

  /// Without what a line break or a frame puts between two characters.
  private func bare(_ text: String) -> String {
    text.filter { !$0.isWhitespace && !"\u{2502}|\u{2503}".contains($0) }
  }

  /// The text of every place that the review scrolls through, 80 columns wide.
  private func screens(_ world: World, _ review: HoldReview) -> [String] {
    var model = ConsoleModel(
      session: Session(registry: "test", who: world.bob), width: 80, height: 24,
      now: world.clock.now)
    _ = model.start()
    _ = model.update(.changed(RegistryStatus()), at: world.clock.now)
    let consent = review.consent(
      leaning: .approve, beside: HoldSurroundings(), isBlind: false, at: world.clock.now)
    _ = model.open(consent.request)
    _ = model.update(.consent(consent), at: world.clock.now)
    let now = world.clock.now.advanced(bySeconds: 2)
    var found: [String] = []
    for _ in 0..<400 {
      found.append(bare(Screen.draw(model).lines.joined()))
      guard case .consent(let dialog)? = model.overlays.last, dialog.rowsSeen < dialog.rowCount
      else { break }
      _ = model.update(.key(.down), at: now)
    }
    return found
  }

  private func leaves(_ value: JSONValue) -> [JSONValue] {
    switch value {
    case .array(let elements): elements.flatMap(leaves)
    case .object(let object):
      object.members.flatMap { [JSONValue($0.name)] + leaves($0.value) }
    default: [value]
    }
  }

  @Test func `a nested number is shown as it was signed, however large`() async throws {
    let text = #"{"a":{"to":20000000000000001,"list":[1e999,0.10,-0.0,1E+2]},"b":[[[1e-999]]]}"#
    let (_, review) = try await held(try #require(try JSONParser.parse(Array(text.utf8)).object))
    let shown = review.signedLines.filter { $0.label == "parameter" }.map(\.text.text)
    #expect(
      shown == [
        #"a = {"list":[1e999,0.10,-0.0,1E+2],"to":20000000000000001}"#, "b = [[[1e-999]]]",
      ])
  }

  private func document(_ random: inout SeededRandom, _ depth: Int) -> JSONValue {
    let numbers = [
      "20000000000000001", "1e999", "-1E-999", "0.1000", "-0", "9223372036854775808",
      "123456789012345678901234567890.000000000000000000001", "1e+5",
    ]
    let strings = [
      "a\u{202E}b", "\u{1B}[2J", "x\u{200B}y", "\"\\\u{7}", "e\u{301}\u{301}", "", "\u{FF21}",
      "(no JSON form)", "\u{1F468}\u{200D}\u{1F469}",
    ]
    switch random.below(depth > 10 ? 3 : 6) {
    case 0:
      let text = "[\(numbers[random.below(numbers.count)])]"
      return (try? JSONParser.parse(Array(text.utf8)))?.array?.first ?? .null
    case 1: return JSONValue(strings[random.below(strings.count)])
    case 2: return random.below(2) == 0 ? .null : .bool(random.below(2) == 0)
    case 3: return .array((0..<random.below(4)).map { _ in document(&random, depth + 1) })
    default:
      return .object(
        JSONObject(
          (0..<random.below(4)).map {
            JSONObject.Member(name: ByteString("m\($0)"), value: document(&random, depth + 1))
          }))
    }
  }

  @Test func `every leaf of what an agent sends is found on the screen by paging`() async throws {
    var random = SeededRandom.announced("review")
    var count = 0
    for _ in 0..<6 {
      var params = JSONObject()
      for index in 0..<4 { params[ByteString("p\(index)")] = document(&random, 0) }
      let (world, review) = try await held(params)
      let screens = screens(world, review)
      for leaf in params.members.flatMap({ leaves($0.value) }) {
        let text = bare(SafeText(leaf.exactText).text)
        #expect(screens.contains { $0.contains(text) }, "\(leaf.exactText)")
        count += 1
      }
    }
    #expect(count > 20)
  }
}
