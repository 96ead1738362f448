import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Delegations
import Foundation
import Glibc
import Keys
import Registry
import Statements
import TransparencyLog

struct DoctorCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Examine a registry and its surroundings, and say what to do.")

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    let findings = Examination(path: registry.path, trust: registry.trust).findings
    if list.json {
      Output.json(
        .array(
          findings.map {
            [
              "check": JSONValue($0.check), "grade": JSONValue($0.grade.rawValue),
              "text": JSONValue($0.text), "advice": JSONValue($0.advice),
            ]
          }))
    } else {
      for finding in findings {
        let grade = finding.grade.rawValue.padding(toLength: 5, withPad: " ", startingAt: 0)
        let check = finding.check.padding(toLength: 12, withPad: " ", startingAt: 0)
        Output.line("\(grade) \(check) \(finding.text)")
        if !finding.advice.isEmpty { Output.line("                   do: \(finding.advice)") }
      }
    }
    if findings.contains(where: { $0.grade == .bad }) { throw ExitStatus.failed }
  }
}

/// What `doctor` looks at.
struct Examination {
  enum Grade: String {
    case ok
    case warn
    case bad = "BAD"
  }

  struct Finding {
    let check: String
    let grade: Grade
    let text: String
    var advice = ""
  }

  private(set) var findings: [Finding] = []

  init(path: String, trust: String?) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      findings.append(
        Finding(
          check: "registry", grade: .bad, text: "there is none at \(path)",
          advice: "countersign init, or name it with --registry"))
      return
    }
    examine(permissions: status, path)
    examine(fileSystem: path)
    examine(clock: path, trust)
  }

  private mutating func add(
    _ check: String, _ grade: Grade, _ text: String, _ advice: String = ""
  ) {
    findings.append(Finding(check: check, grade: grade, text: text, advice: advice))
  }

  private mutating func examine(permissions status: stat, _ path: String) {
    let mode = status.st_mode & 0o777
    let text = "\(path) has mode \(String(mode, radix: 8))"
    if mode & 0o007 != 0 {
      add("permissions", .bad, text + ": every account can reach it", "chmod o= \(path)")
    } else {
      add("permissions", .ok, text)
    }
    for suffix in ["-wal", "-shm"] {
      var beside = stat()
      guard stat(path + suffix, &beside) == 0 else { continue }
      if beside.st_mode & 0o777 != mode {
        add(
          "permissions", .warn,
          "\(path)\(suffix) has mode \(String(beside.st_mode & 0o777, radix: 8)), not that of the "
            + "registry", "chmod --reference=\(path) \(path)\(suffix)")
      }
    }
    if access(path, W_OK) != 0 {
      add("permissions", .warn, "you may only read it", "ask its owner for the group")
    }
  }

  /// File systems on which SQLite's shared memory does not work between machines.
  private static let network = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs",
    "fuse.glusterfs", "lustre",
  ]

  private mutating func examine(fileSystem path: String) {
    let parent = (path as NSString).deletingLastPathComponent
    let folder = URL(fileURLWithPath: parent.isEmpty ? "." : parent).resolvingSymlinksInPath().path
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    var best: [String]?
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count > 2 else { continue }
      let point = fields[1] == "/" ? "/" : fields[1] + "/"
      guard (folder + "/").hasPrefix(point), point.count >= (best?[1].count ?? 0) else { continue }
      best = fields
    }
    let type = best?[2] ?? "unknown"
    if Examination.network.contains(type) {
      add(
        "filesystem", .bad, "the registry lies on \(type), where write-ahead logging is not safe",
        "move it to a local disk")
    } else {
      add("filesystem", .ok, "\(type), mounted at \(best?[1] ?? "?")")
    }
    var system = statvfs()
    guard statvfs(folder, &system) == 0 else { return }
    if system.f_flag & UInt(ST_RDONLY) != 0 {
      add("filesystem", .bad, "it is mounted read-only", "remount it, or move the registry")
    }
    let mebibytes = (UInt64(system.f_bavail) * UInt64(system.f_frsize)) >> 20
    if mebibytes < 64 {
      add(
        "space", mebibytes < 8 ? .bad : .warn, "\(mebibytes) MiB are free",
        "free some; a decision takes about 1.2 KiB")
    } else {
      add("space", .ok, "\(mebibytes) MiB are free")
    }
    let wal = (try? FileManager.default.attributesOfItem(atPath: path + "-wal"))?[.size] as? Int
    if let wal, wal > 64 << 20 {
      add(
        "wal", .warn, "the write-ahead log has grown to \(wal >> 20) MiB",
        "a reader may hold it; see which: fuser \(path)-wal")
    }
  }

  private mutating func examine(clock path: String, _ trust: String?) {
    let ledger: Ledger
    let pins = PinStore(folder: Paths().pins)
    do {
      let database = try RegistryDatabase(path, access: .readOnly)
      do {
        ledger = try Ledger(database, pins: pins, trust: trust.map { ByteString($0) })
        add(
          "log", .ok,
          "\(ledger.tree.size) entries, each signature checked, and what was seen before")
        if let fault = ledger.pinFault {
          add(
            "pins", .bad, "\(fault.code): \(fault)",
            "until then this account could not tell if what it sees now were taken back")
        }
        if !ledger.isKept {
          add(
            "state", .warn,
            "what was verified cannot be kept in \(pins.folder): all is replayed each time",
            "see to that folder's permissions and space, and that no other thing has the file's name"
          )
        }
      } catch AuthorityFault.unpinned(let id) {
        add(
          "pins", .warn, "this account has never seen registry \(id.text)",
          "compare the id with the founder's, then --trust \(id.text)")
        ledger = try Ledger(database, pins: nil)
      }
    } catch {
      let isLogs = Verification.logCodes.contains(FaultCode.of(error))
      add(
        isLogs ? "log" : "check", .bad, "\(FaultCode.of(error)): \(error)",
        isLogs
          ? "countersign log verify says what differs; countersign restore puts a backup in its place"
          : "the log was not checked; see to that first")
      return
    }
    do {
      let now = try ledger.now(.system)
      add("clock", .ok, "\(now.textToSeconds), the log's last entry is not in the future")
      examine(keys: ledger, at: now)
      examine(trust: ledger, at: now)
      examine(services: ledger)
      try ledger.checkShelf()
    } catch  where error.code.hasPrefix("state_") {
      add("state", .bad, "\(error.code): \(error)", "run doctor again")
    } catch {
      add("clock", .bad, "\(error)", "set the clock, or countersign log reset-clock")
    }
    if let kept = try? ledger.database.read({ try ledger.unconfirmedRestore($0) }) {
      add(
        "restore", .bad, "restored from a backup of \(kept) entries, and not confirmed",
        "countersign log confirm-restore")
    }
  }

  private mutating func examine(keys ledger: Ledger, at now: Timestamp) {
    let soon = now.advanced(bySeconds: 14 * 86_400)
    let expiring = ledger.state.keys.all {
      $0.status(at: now) == .active && ($0.notAfter.map { $0 < soon } ?? false)
    }
    for record in expiring {
      add(
        "keys", .warn,
        "\(record.key.fingerprint.short) of \(record.holder) ends at "
          + (record.notAfter?.textToSeconds ?? ""), "countersign key rotate \(record.holder)")
    }
    if expiring.isEmpty { add("keys", .ok, "none ends within 14 days") }
  }

  /// Whether the deciding services run, by what they wrote and by their sockets.
  private mutating func examine(services ledger: Ledger) {
    let reports = ServiceSurvey.reports(
      ledger.database, registry: ledger.state.registry?.id.text ?? "")
    let meaning =
      ": actions wait, and an approval is recorded now and released when the service runs again and "
      + "the agent asks"
    for report in reports {
      let isDown = report.isDown && !reports.contains { $0.isDeciding && $0.name == report.name }
      let words = report.problem ?? report.words
      switch report.state {
      case .deciding, .reported: add("service", .ok, words)
      case .silent:
        add(
          "service", .ok,
          words + "; it runs on another machine and writes nothing while it decides nothing")
      case .stopped:
        add(
          "service", .warn, words + (isDown ? meaning : ""), "start it again: countersignd --help")
      case .unreachable:
        add(
          "service", isDown ? .bad : .warn, words + (isDown ? meaning : ""),
          "see whether its process runs, or hangs; start it again: countersignd --help")
      case .refusing:
        add(
          "service", .bad, words + meaning, "its own messages say why; see the other checks here")
      }
    }
    if reports.isEmpty {
      add(
        "service", .warn, "no deciding service has been seen: nothing answers agents",
        "countersign service enroll says how to start one")
    }
  }

  /// Who signed the newest checkpoint, and on which host.
  private func checkpoint(of ledger: Ledger) -> String? {
    guard let bytes = try? ledger.database.read({ try $0.latestCheckpoint() }),
      let note = try? SignedNote(bytes), let head = try? Checkpoint(text: note.text)
    else { return nil }
    for service in ledger.state.services.keys.sorted() {
      for record in ledger.state.keys.all(.holder(service)) {
        let verifier = NoteVerifier(name: head.origin, key: record.key)
        guard (try? note.verified(by: [verifier])) != nil else { continue }
        return "of \(head.size) entries, signed by "
          + (ledger.state.serviceWords(record.id) ?? "\(service)")
      }
    }
    return nil
  }

  private mutating func examine(trust ledger: Ledger, at now: Timestamp) {
    guard let settings = ledger.state.registry else { return }
    add("rules", .ok, "version \(settings.rules), the newest this countersign knows")
    if let words = checkpoint(of: ledger) { add("checkpoint", .ok, words) }
    let admins = ledger.state.admins.count
    if settings.isSolo {
      add("trust", .warn, "SOLO: operators may approve what runs under their own grants")
    } else if settings.adminQuorum == 1 {
      add(
        "trust", .warn, "one admin alone can change who is trusted",
        "enrol more admins, then countersign settings change --admin-quorum 2")
    } else if admins == settings.adminQuorum {
      add(
        "trust", .warn,
        "\(settings.adminQuorum) of \(admins) admins: none of them can be replaced by the others",
        "enrol one more admin")
    } else {
      add("trust", .ok, "\(settings.adminQuorum) of \(admins) admins change who is trusted")
    }
    let due = (try? ledger.database.read { try $0.reviewGroups(all: false) }) ?? []
    if !due.isEmpty {
      let count = due.reduce(0) { $0 + $1.rows.count }
      add(
        "reviews", .warn,
        "\(count)\(due.contains(where: \.hasMore) ? "+" : "") are due, in \(Plural.count(due.count, "group"))",
        "countersign reviews")
    }
    for lock in ledger.state.locks.values where lock.placed.target == .everything {
      if lock.isInForce(at: now) {
        add("locks", .warn, "everything is locked: \(lock.placed.reason.text)")
      }
    }
    if ledger.state.activePolicy == nil {
      add(
        "policy", .warn, "no policy is active: every action is denied",
        "countersign policy activate")
    }
  }
}
