import CanonicalJSON
import Rego
import TestSupport
import Testing

/// Templates, and what OPA makes of them with the values below.
@Suite struct TemplatesTests {
  static let values =
    #"{"s":"hello","n":0,"f":1.5,"t":true,"e":"","z":null,"l":["a",1,null,true],"o":{"b":{"c":"deep"},"a":1},"x":[]}"#

  static let rendered: [(String, String)] = [
    (##"a {{.s}} b"##, ##"a hello b"##),
    (##"{{.n}}{{.f}}{{.t}}{{.z}}|{{.e}}|"##, ##"01.5true<undefined>||"##),
    (##"{{.l}} {{.o}}"##, ##"[a 1 <nil> true] map[a:1 b:map[c:deep]]"##),
    (##"{{if .n}}y{{else}}n{{end}}"##, ##"y"##),
    (##"{{if .e}}y{{else if .t}}t{{else}}n{{end}}"##, ##"t"##),
    (##"{{range $i, $e := .l}}{{if $i}},{{end}}{{$e}}{{end}}"##, ##"a,1,<undefined>,true"##),
    (##"{{range .l}}<{{.}}>{{end}}"##, ##"<a><1><<undefined>><true>"##),
    (##"{{range .x}}x{{else}}empty{{end}}"##, ##"empty"##),
    (##"{{range $k, $v := .o}}{{$k}}={{$v}};{{end}}"##, ##"a=1;b=map[c:deep];"##),
    (##"{{with .o}}{{.b.c}}{{end}}"##, ##"deep"##),
    (##"{{with .e}}y{{else}}n{{end}}"##, ##"n"##),
    (##"{{.o.b.c}}{{.o.q}}"##, ##"deep<undefined>"##),
    (##"{{.q.r}}"##, ##"<undefined>"##),
    (##"{{ .s -}}   x  {{- .s}}"##, ##"helloxhello"##),
    (##"{{/* c */}}x"##, ##"x"##),
    (##"{{$x := .s}}{{$x}}{{$x = .f}}{{$x}}"##, ##"hello1.5"##),
    (##"{{range .l}}{{$.s}}{{end}}"##, ##"hellohellohellohello"##),
    (##"{{\"q\\n\"}}{{`r`}}{{12}}{{true}}"##, ##"q\nr12true"##),
    (
      ##"{{range $e := .l}}{{range $f := $.l}}{{$e}}{{$f}} {{end}}{{end}}"##,
      ##"aa a1 a<undefined> atrue 1a 11 1<undefined> 1true <undefined>a <undefined>1 <undefined><undefined> <undefined>true truea true1 true<undefined> truetrue "##
    ),
    (
      ##"{{.}}"##,
      ##"map[e: f:1.5 l:[a 1 <nil> true] n:0 o:map[a:1 b:map[c:deep]] s:hello t:true x:[] z:<nil>]"##
    ),
    (##"{{if .l}}{{if .o}}both{{end}}{{end}}"##, ##"both"##),
    (##"{{range .z}}x{{else}}e{{end}}"##, ##"e"##),
    (##"}}{"##, ##"}}{"##),
    (##"{{with $x := .s}}{{$x}}{{end}}"##, ##"hello"##),
  ]

  static let refused: [(String, String)] = [
    (##"{{.s.q}}"##, "can't evaluate field q"),
    (##"{{/* c }}x"##, "unclosed comment"),
    (##"{{.s"##, "unclosed action"),
    (##"{{end}}"##, "unexpected {{end}}"),
    (##"{{if .s}}"##, "unexpected EOF"),
    (##"{{$.s}}{{$y}}"##, "undefined variable \"$y\""),
    (##"{{range .n}}{{end}}"##, "range can't iterate over"),
    (##"{{nope .s}}"##, "not supported"),
    (##"{{}}"##, "missing value for command"),
    (##"{{if .s}}{{else}}{{else}}{{end}}"##, "unexpected {{else}}"),
    (##"{{.z.q}}"##, "nil pointer"),
    (##"{{printf .s .n}}"##, "not supported"),
    (##"{{.s | len}}"##, "not supported"),
    (##"{{len}}"##, "function \"len\" not defined"),
    (##"{{$x = .s}}"##, "undefined variable"),
  ]

  private func answer(_ template: String) throws -> Value? {
    let policy = try CompiledPolicy(modules: [])
    return try policy.query(
      "x := strings.render_template(\"\(template)\", \(TemplatesTests.values))", input: nil,
      isStrict: true
    ).first?.bindings.first?.value
  }

  @Test(arguments: rendered)
  func `a template is filled in as OPA fills it in`(template: String, text: String) throws {
    let wanted = try JSONText.value(ByteString("\"\(text)\""))
    #expect(try answer(template) == wanted)
  }

  @Test(arguments: refused)
  func `a template with a fault or a function is an error`(template: String, fault: String) {
    #expect {
      try answer(template)
    } throws: { error in
      "\(error)".contains("eval_builtin_error: strings.render_template: template: ")
        && "\(error)".contains(fault)
    }
  }

  @Test func `blocks within each other and ranges are bounded`() throws {
    let deep = String(repeating: "{{if .s}}", count: 100_000)
    #expect(throws: PolicyFault.self) { try answer(deep) }
    let policy = try CompiledPolicy(modules: [])
    let nested =
      String(repeating: "{{range $.l}}", count: 9) + "x" + String(repeating: "{{end}}", count: 9)
    #expect {
      try policy.query(
        "strings.render_template(\"\(nested)\", {\"l\": numbers.range(1, 100)})", input: nil)
    } throws: { error in
      (error as? PolicyFault)?.code == "eval_limit_error"
    }
  }
}
