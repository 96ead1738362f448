import CanonicalJSON
import PolicyFunctions
import Rego
import TestSupport
import Testing

/// YAML texts and what OPA makes of them: `[text, value]` a line, or `[text, null, why it is refused]`.
@Suite struct YAMLReaderTests {
  static let tags = #"""
    ["a: !!str 1", {"a": "1"}]
    ["a: !!str yes", {"a": "yes"}]
    ["a: !!str null", {"a": "null"}]
    ["a: !!str .inf", {"a": ".inf"}]
    ["a: !!str 0x10", {"a": "0x10"}]
    ["a: !!str ", {"a": ""}]
    ["a: !!int 1", {"a": 1}]
    ["a: !!int \"3\"", {"a": 3}]
    ["a: !!int \"0x10\"", {"a": 16}]
    ["a: !!int yes", null, "yaml: cannot decode !!bool `yes` as a !!int"]
    ["a: !!int 1.5", null, "yaml: cannot decode !!float `1.5` as a !!int"]
    ["a: !!int \"\"", null, "yaml: cannot decode !!null `` as a !!int"]
    ["a: !!int x", null, "yaml: cannot decode !!str `x` as a !!int"]
    ["a: !!int [1]", {"a": [1]}]
    ["a: !!float 1", {"a": 1}]
    ["a: !!float \"3\"", {"a": 3}]
    ["a: !!float 1.5", {"a": 1.5}]
    ["a: !!float \"1.5\"", {"a": 1.5}]
    ["a: !!float .inf", null, "json: unsupported value: +Inf"]
    ["a: !!float yes", null, "yaml: cannot decode !!bool `yes` as a !!float"]
    ["a: !!bool 'yes'", {"a": true}]
    ["a: !!bool yes", {"a": true}]
    ["a: !!bool 1", null, "yaml: cannot decode !!int `1` as a !!bool"]
    ["a: !!bool x", null, "yaml: cannot decode !!str `x` as a !!bool"]
    ["a: !!null null", {"a": null}]
    ["a: !!null \"\"", {"a": null}]
    ["a: !!null x", null, "yaml: cannot decode !!str `x` as a !!null"]
    ["a: !!null 1", null, "yaml: cannot decode !!int `1` as a !!null"]
    ["a: !!binary YQ==", {"a": "a"}]
    ["a: !!binary \"YQ==\"", {"a": "a"}]
    ["a: !!binary \"\"", {"a": ""}]
    ["a: !!binary 0x10", {"a": "\ufffd\u001dt"}]
    ["a: !!binary null", {"a": "\ufffd\ufffde"}]
    ["a: !!binary 1", null, "yaml: !!binary value contains invalid base64 data"]
    ["a: !!timestamp 2001-01-01", {"a": "2001-01-01"}]
    ["a: !!timestamp \"2001-01-01\"", {"a": "2001-01-01"}]
    ["a: !!timestamp x", null, "yaml: cannot decode !!str `x` as a !!timestamp"]
    ["a: !foo 1", {"a": "1"}]
    ["a: !foo yes", {"a": "yes"}]
    ["a: !foo null", {"a": "null"}]
    ["a: !foo [1]", {"a": [1]}]
    ["a: ! 1", {"a": "1"}]
    ["a: ! yes", {"a": "yes"}]
    ["a: ! ", {"a": ""}]
    ["a: !<tag:yaml.org,2002:int> \"3\"", {"a": 3}]
    ["a: !<tag:yaml.org,2002:int> yes", null, "yaml: cannot decode !!bool `yes` as a !!int"]
    ["a: !!merge 1", {"a": "1"}]
    ["a: !!set {a: 1}", {"a": {"a": 1}}]
    ["!!str 1: a", {"1": "a"}]
    ["!!int \"3\": a", {"3": "a"}]
    ["!!binary YQ==: a", {"a": "a"}]
    ["!!null x: a", null, "yaml: cannot decode !!str `x` as a !!null"]
    ["!!float 3: a", {"3": "a"}]
    ["!!float \"3\": a", {"3": "a"}]
    ["!!bool \"true\": a", {"true": "a"}]
    ["!foo a: a", {"a": "a"}]
    ["b:\n  !!str <<: {x: 1}", {"b": {"<<": {"x": 1}}}]
    ["b:\n  !!merge <<: {x: 1}", {"b": {"x": 1}}]
    ["b:\n  !!merge x: {x: 1}", {"b": {"x": {"x": 1}}}]
    ["a: &a !!str x\nb:\n  <<: *a", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["b:\n  <<: !!map {x: 1}", {"b": {"x": 1}}]
    ["b:\n  <<: !foo {x: 1}", {"b": {"x": 1}}]
    ["%TAG !e! tag:yaml.org,2002:\n---\na: !e!int \"3\"", {"a": 3}]
    ["a: !", {"a": ""}]
    ["a: !!", null, "yaml: did not find expected tag URI"]
    ["a: !!int", null, "yaml: cannot decode !!null `` as a !!int"]
    ["- ! 1", ["1"]]
    ["! 1", "1"]
    ["!!int 3", 3]
    ["!!str 3", "3"]
    ["!!binary YQ==", "a"]
    ["a: !!value x", {"a": "x"}]
    ["! <<: {x: 1}", {"x": 1}]
    ["! \"<<\": {x: 1}", {"x": 1}]
    ["a: !!binary gICA", {"a": "\ufffd\ufffd\ufffd"}]
    ["a: !!binary \"YQ\\n==\"", {"a": "a"}]
    ["a: !!binary |\n  YQ==\n", {"a": "a"}]
    ["a: !!timestamp 2001-1-1", {"a": "2001-1-1"}]
    ["a: !!timestamp 2001-01-01T00:00:00Z", {"a": "2001-01-01T00:00:00Z"}]
    ["a: !!timestamp 2001-13-01", null, "yaml: cannot decode !!str `2001-13-01` as a !!timestamp"]
    ["a: !!float 18446744073709551615", null, "yaml: cannot decode !!int `18446744073709551615` as a !!float"]
    ["a: !!float 9007199254740993", {"a": 9007199254740992}]
    ["a: !!int 18446744073709551615", {"a": 18446744073709551615}]
    ["a: &x !!int \"3\"\nb: *x", {"a": 3, "b": 3}]
    ["a: !!map [1]", {"a": [1]}]
    ["a: !!seq {b: 1}", {"a": {"b": 1}}]
    ["!!omap [{a: 1}]", [{"a": 1}]]
    ["!!set {a, b}", {"a": null, "b": null}]
    """#

  static let mergeKeys = #"""
    ["a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3", {"a": {"true": 2, "x": 1}, "b": {"true": 3, "x": 1}}]
    ["a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a", {"a": {"true": 2, "x": 1}, "b": {"true": 2, "x": 1}}]
    ["a: &a {x: 1, y: 2}\nc: &c {x: 5, z: 6}\nb:\n  <<: [*a, *c]\n  y: 3", {"a": {"true": 2, "x": 1}, "b": {"true": 3, "x": 1, "z": 6}, "c": {"x": 5, "z": 6}}]
    ["a: &a {x: 1, y: 2}\nc: &c {x: 5, z: 6}\nb:\n  y: 3\n  <<: [*c, *a]", {"a": {"true": 2, "x": 1}, "b": {"true": 2, "x": 5, "z": 6}, "c": {"x": 5, "z": 6}}]
    ["a: &a {x: 1, y: 2}\nc: &c {x: 5, z: 6}\nb:\n  <<: *a\n  <<: *c", {"a": {"true": 2, "x": 1}, "b": {"true": 2, "x": 5, "z": 6}, "c": {"x": 5, "z": 6}}]
    ["b:\n  <<: {x: 1}\n  x: 2", {"b": {"x": 2}}]
    ["b:\n  <<: 1", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["b:\n  <<: [1]", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["b:\n  <<: null", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["b:\n  <<: []", {"b": {}}]
    ["b:\n  \"<<\": {x: 1}", {"b": {"<<": {"x": 1}}}]
    ["b:\n  '<<': {x: 1}", {"b": {"<<": {"x": 1}}}]
    ["b: &b\n  <<: *b", null, "yaml: an anchor's value contains itself"]
    ["a: &a [{x: 1}]\nb:\n  <<: *a", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["a: &a {x: 1}\nb: &b\n  <<: *a\n  y: 1\nc:\n  <<: *b\n  z: 1", {"a": {"x": 1}, "b": {"true": 1, "x": 1}, "c": {"true": 1, "x": 1, "z": 1}}]
    ["a: &a {1: x}\nb:\n  <<: *a\n  1: y", {"a": {"1": "x"}, "b": {"1": true}}]
    ["b: <<", {"b": "<<"}]
    ["<<: {a: 1}", {"a": 1}]
    ["- <<", ["<<"]]
    ["b: {<<: {a: 1}, a: 2}", {"b": {"a": 2}}]
    ["b: {a: 2, <<: {a: 1, b: 3}}", {"b": {"a": 1, "b": 3}}]
    ["b:\n  <<: [[{x: 1}]]", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["b:\n  <<: [{x: 1}, [{y: 1}]]", null, "yaml: map merge requires map or sequence of maps as the value"]
    ["a: &a {x: 1, x: 2}\nb:\n  <<: *a", {"a": {"x": 2}, "b": {"x": 2}}]
    ["a: &a {x: 1}\nb:\n  <<: [*a, *a]", {"a": {"x": 1}, "b": {"x": 1}}]
    ["x: {<<: {y: {z: 1}}, y: {w: 2}}", {"x": {"true": {"w": 2}}}]
    ["a: &a\n  <<: *a", null, "yaml: an anchor's value contains itself"]
    ["<<: [{a: 1}, {a: 2, b: 2}]\nb: 3", {"a": 1, "b": 3}]
    ["<<: {a: 1}\n<<: {a: 2}", {"a": 2}]
    ["a: &a {b: 1}\nc: {d: 1, <<: *a, <<: {b: 2}}", {"a": {"b": 1}, "c": {"b": 2, "d": 1}}]
    ["x: &x\n  - &y {a: 1}\n<<: *y", {"a": 1, "x": [{"a": 1}]}]
    """#

  static let anchors = #"""
    ["a: *x", null, "yaml: unknown anchor 'x' referenced"]
    ["a: &x", {"a": null}]
    ["a: &x 1\nb: *x", {"a": 1, "b": 1}]
    ["a: &x\nb: *x", {"a": null, "b": null}]
    ["a: &x [*x]", null, "yaml: an anchor's value contains itself"]
    ["a: &x {b: *x}", null, "yaml: an anchor's value contains itself"]
    ["a: *x\nb: &x 1", null, "yaml: unknown anchor 'x' referenced"]
    ["a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}]
    ["*x", null, "yaml: unknown anchor 'x' referenced"]
    ["&x a", "a"]
    ["&x", null]
    ["[&x a, *x]", ["a", "a"]]
    ["{&x a: *x}", {"a": "a"}]
    ["a: &a x\n*a : y", {"a": "x", "x": true}]
    ["- &a y\n- *a : 1", [true, {"true": 1}]]
    ["&a [1, &b *a]", null, "yaml: did not find expected ',' or ']'"]
    ["- &x [1]\n- *x\n- *x", [[1], [1], [1]]]
    ["? &k a\n: *k", {"a": "a"}]
    ["a: &a {b: &b [1]}\nc: *b", {"a": {"b": [1]}, "c": [1]}]
    ["a: &1 x\nb: *1", {"a": "x", "b": "x"}]
    ["a: &x-y z\nb: *x-y", {"a": "z", "b": "z"}]
    ["a: &\u00e9 z", null, "yaml: did not find expected alphabetic or numeric character"]
    ["a: [*b]", null, "yaml: unknown anchor 'b' referenced"]
    """#

  static let documents = #"""
    ["a: 1\n---\nb: 2", {"a": 1}]
    ["---\na: 1\n...\n---\nb: 2", {"a": 1}]
    ["---\n---\n", null]
    ["---", null]
    ["...", null, "yaml: did not find expected node content"]
    ["a: 1\n...", {"a": 1}]
    ["a: 1\n...\nx", {"a": 1}]
    ["--- a", "a"]
    ["---\n", null]
    ["# c", null]
    ["\n\n", null]
    [" ", null]
    ["\t", null, "yaml: found character that cannot start any token"]
    ["%YAML 1.1\n---\na: 1", {"a": 1}]
    ["%YAML 1.2\n---\na: 1", null, "yaml: found incompatible YAML document"]
    ["%YAML 2.0\n---\na: 1", null, "yaml: found incompatible YAML document"]
    ["%FOO x\n---\na: 1", null, "yaml: found unknown directive name"]
    ["a: 1\n--- [", {"a": 1}]
    ["a: 1\n---\n[", {"a": 1}]
    ["1\n---\n2", 1]
    """#

  static let keys = #"""
    ["yes: a", {"true": "a"}]
    ["yes: a\nyes: b", {"true": "b"}]
    ["1: a", {"1": "a"}]
    ["1: a\n1: b", {"1": "b"}]
    ["null: a", null, "unsupported map key of type: null"]
    ["null: a\nnull: b", null, "unsupported map key of type: null"]
    ["1.5: a", {"1.5": "a"}]
    ["~: a", null, "unsupported map key of type: null"]
    ["\"\": a", {"": "a"}]
    ["\"yes\": a", {"yes": "a"}]
    ["\"yes\": a\n\"yes\": b", {"yes": "b"}]
    ["true: a", {"true": "a"}]
    ["0x10: a", {"16": "a"}]
    ["017: a", {"15": "a"}]
    ["1e3: a", {"1000": "a"}]
    [".5: a", {"0.5": "a"}]
    ["1_000: a", {"1000": "a"}]
    [".inf: a", {".inf": "a"}]
    [".nan: a", {".nan": "a"}]
    ["2001-01-01: a", {"2001-01-01": "a"}]
    ["-0: a", {"0": "a"}]
    ["99999999999999999999: a", {"1e+20": "a"}]
    ["18446744073709551615: a", null, "unsupported map key of type: uint64"]
    ["18446744073709551616: a", {"1.8446744e+19": "a"}]
    ["1.0: a", {"1": "a"}]
    ["100000000000000000000.0: a", {"1e+20": "a"}]
    ["1e21: a", {"1e+21": "a"}]
    ["1e20: a", {"1e+20": "a"}]
    ["1e-7: a", {"1e-07": "a"}]
    ["123456789.125: a", {"1.2345679e+08": "a"}]
    ["0.000001: a", {"1e-06": "a"}]
    ["y: a", {"true": "a"}]
    ["on: a", {"true": "a"}]
    ["[1]: a", null, "yaml: invalid map key"]
    ["{a: 1}: a", null, "yaml: invalid map key"]
    ["? [1]\n: a", null, "yaml: invalid map key"]
    ["? [1]\n: a\n? [1]\n: b", null, "yaml: invalid map key"]
    ["-5: a", {"-5": "a"}]
    ["-1.5: a", {"-1.5": "a"}]
    ["\"1\": a", {"1": "a"}]
    ["9007199254740993: a", {"9007199254740993": "a"}]
    ["1e400: a", {"1e400": "a"}]
    ["-9223372036854775808: a", {"-9223372036854775808": "a"}]
    ["1.0e+2: a", {"100": "a"}]
    ["33554433.5: a", {"3.3554432e+07": "a"}]
    ["0.1: a", {"0.1": "a"}]
    ["3.4028235e38: a", {"3.4028235e+38": "a"}]
    ["1e39: a", {".inf": "a"}]
    ["16777217.0: a", {"1.6777216e+07": "a"}]
    ["true: a\nyes: b", {"true": "b"}]
    ["? {a: 1}\n: a", null, "yaml: invalid map key"]
    ["? 1\n: a", {"1": "a"}]
    ["? a\n", {"a": null}]
    ["null: 1\n~: 2", null, "unsupported map key of type: null"]
    ["null: 1\n\"null\": 2", null, "unsupported map key of type: null"]
    ["null: a\n\"\": b", null, "unsupported map key of type: null"]
    ["? a\n? b\n", {"a": null, "b": null}]
    ["- 1\n- 2", [1, 2]]
    ["\ta: 1", null, "yaml: found character that cannot start any token"]
    ["- a\n b", ["a b"]]
    ["\ufeffa: 1", {"a": 1}]
    ["? a\n: b\n? c\n: d", {"a": "b", "c": "d"}]
    ["? - 1\n: b", null, "yaml: invalid map key"]
    ["\"a\\/b\": 1", null, "yaml: found unknown escape character"]
    ["1e6: a", {"1e+06": "a"}]
    ["123456: a", {"123456": "a"}]
    ["1234567: a", {"1234567": "a"}]
    ["1234567.0: a", {"1.234567e+06": "a"}]
    ["123456.0: a", {"123456": "a"}]
    ["0.0001: a", {"0.0001": "a"}]
    ["0.00001: a", {"1e-05": "a"}]
    ["-0.0: a", {"-0": "a"}]
    ["\"a\": 1\n\"a\": 2\nb: {c: 1, c: 2}", {"a": 2, "b": {"c": 2}}]
    """#

  static let forms = #"""
    ["{a, b: 1}", {"a": null, "b": 1}]
    ["{a: , b}", {"a": null, "b": null}]
    ["null", null]
    ["~", null]
    ["a", "a"]
    ["\"a\"", "a"]
    ["[1,", null, "yaml: line 1: did not find expected node content"]
    ["{", null, "yaml: line 1: did not find expected node content"]
    ["}", null, "yaml: did not find expected node content"]
    ["a: b: c", null, "yaml: mapping values are not allowed in this context"]
    ["a: \"b", null, "yaml: found unexpected end of stream"]
    ["a:\n\tb: 1", null, "yaml: line 2: found character that cannot start any token"]
    ["a:\t1", {"a": 1}]
    ["a: 1\nb", null, "yaml: line 2: could not find expected ':'"]
    ["a: 1\n  b: 2", null, "yaml: line 2: mapping values are not allowed in this context"]
    ["a:\n- 1\n- 2", {"a": [1, 2]}]
    ["a:\n - 1\n- 2", null, "yaml: line 2: did not find expected key"]
    ["key: |\n  x\n  y\n", {"key": "x\ny\n"}]
    ["key: >\n  x\n  y\n\n  z\n", {"key": "x y\nz\n"}]
    ["key: |-\n  x\n", {"key": "x"}]
    ["key: |+\n  x\n\n\n", {"key": "x\n\n\n"}]
    ["key: |2\n   x\n", {"key": " x\n"}]
    ["key: >-\n  x\n   y\n  z", {"key": "x\n y\nz"}]
    ["a: \"x\\ny\\u00e9\\x41\\/\"", null, "yaml: found unknown escape character"]
    ["a: \"\\q\"", null, "yaml: found unknown escape character"]
    ["a: 'it''s'", {"a": "it's"}]
    ["a: b #c", {"a": "b"}]
    ["a: b#c", {"a": "b#c"}]
    ["a: @x", null, "yaml: found character that cannot start any token"]
    ["a: `x`", null, "yaml: found character that cannot start any token"]
    ["a: %x", null, "yaml: found character that cannot start any token"]
    ["a: - x", null, "yaml: block sequence entries are not allowed in this context"]
    ["a: ?x", {"a": "?x"}]
    ["a: :x", {"a": ":x"}]
    ["a: [1, 2, ]", {"a": [1, 2]}]
    ["a: [,]", null, "yaml: did not find expected node content"]
    ["a: [1,,2]", null, "yaml: did not find expected node content"]
    ["a: {a: 1,}", {"a": {"a": 1}}]
    ["a: {,}", null, "yaml: did not find expected node content"]
    ["[a: 1, b]", [{"a": 1}, "b"]]
    ["[a: 1, {b: 2}]", [{"a": 1}, {"b": 2}]]
    ["{a: [b: c]}", {"a": [{"b": "c"}]}]
    ["{\"a\":1}", {"a": 1}]
    ["{\"a\":1,\"a\":2}", {"a": 2}]
    ["{\"a\":{\"b\":1,\"b\":2}}", {"a": {"b": 2}}]
    ["a: 1\na: 2", {"a": 2}]
    ["{\"a\" :1}", {"a": 1}]
    ["{\"a\"  :  1}", {"a": 1}]
    ["{a:1}", {"a:1": null}]
    ["{\"a\":b}", {"a": "b"}]
    ["a: \u0000", null, "yaml: control characters are not allowed"]
    ["a: \u0001", null, "yaml: control characters are not allowed"]
    ["a: \u007f", null, "yaml: control characters are not allowed"]
    ["a: \u0085", {"a": null}]
    ["a: \ufeffb", {"a": "\ufeffb"}]
    ["a: \u2028b", null, "yaml: line 2: could not find expected ':'"]
    ["a: \ud7ff", {"a": "\ud7ff"}]
    ["a: \"\\ud800\"", null, "yaml: found invalid Unicode character escape code"]
    ["a: \"\\ud83d\\ude00\"", null, "yaml: found invalid Unicode character escape code"]
    ["a: \"\\U0001F600\"", {"a": "\ud83d\ude00"}]
    ["a: \"\\x80\"", {"a": "\u0080"}]
    ["a: \ud83d\ude00", {"a": "\ud83d\ude00"}]
    ["a: b\r\nc: d\r\n", {"a": "b", "c": "d"}]
    ["a: b\rc: d", {"a": "b", "c": "d"}]
    ["a: >\r\n  x\r\n  y", {"a": "x y"}]
    ["a: |\n\n\n  x", {"a": "\n\nx"}]
    ["a: 2001-12-14t21:59:43.10-05:00", {"a": "2001-12-14t21:59:43.10-05:00"}]
    ["a: 2001-12-14 21:59:43.10 -5", {"a": "2001-12-14 21:59:43.10 -5"}]
    ["a: 2001-12-15 2:59:43.10", {"a": "2001-12-15 2:59:43.10"}]
    ["a: 1:30", {"a": "1:30"}]
    ["a: 190:20:30", {"a": "190:20:30"}]
    ["a: 1,000", {"a": "1,000"}]
    ["a: 1 2", {"a": "1 2"}]
    ["a: ~x", {"a": "~x"}]
    ["a: true false", {"a": "true false"}]
    ["a: =", {"a": "="}]
    ["a: .5_0", {"a": 0.5}]
    ["a: \"\\\\/\"", {"a": "\\/"}]
    ["a: \"\\\\\\/\"", null, "yaml: found unknown escape character"]
    ["a: '\\/'", {"a": "\\/"}]
    ["{\"a\":\"http://x/\\/\"}", null, "yaml: found unknown escape character"]
    ["a:\n  - b\n - c", null, "yaml: line 2: did not find expected key"]
    ["a: {1: x, 01: y, 0x1: z}", {"a": {"1": "z"}}]
    ["{1: {2: 3}}", {"1": {"2": 3}}]
    ["a: 0b", {"a": "0b"}]
    ["a: 0b12", {"a": "0b12"}]
    ["a: -0b1_1", {"a": -3}]
    ["a: +0b1", {"a": 1}]
    ["a: +0o7", {"a": 7}]
    ["a: -0o7", {"a": -7}]
    ["a: 0_b1", {"a": 1}]
    ["a: 0_x1", {"a": 1}]
    ["a: 1.5e3_0", {"a": 1.5e+30}]
    ["a: 1_.5", {"a": 1.5}]
    ["a: 1e-7", {"a": 1e-07}]
    ["a: 1e21", {"a": 1e+21}]
    ["a: 123456789012345678", {"a": 123456789012345678}]
    ["a: 1.0e+2", {"a": 100}]
    ["a: 100000000000000000000000", {"a": 1e+23}]
    ["a: -1e-10", {"a": -1e-10}]
    """#

  @Test(arguments: [tags, mergeKeys, anchors, documents, keys, forms])
  func `a text is read as OPA reads it`(lines: String) throws {
    for line in lines.split(separator: "\n") {
      guard case .array(let fields) = try JSONText.value(ByteString(String(line))) else {
        Issue.record("no list: \(line)")
        continue
      }
      let text = YAMLReaderTests.json(fields[0])
      let isRefused = fields.count > 2
      let answer: BuiltinCall.Answer =
        isRefused
        ? .fails("eval_builtin_error: yaml.unmarshal: \(YAMLReaderTests.text(fields[2]))")
        : .answers(YAMLReaderTests.json(fields[1]))
      try BuiltinCall("yaml.unmarshal(\(text))", answer).check(with: PolicyFunctions.builtins)
      try BuiltinCall("yaml.is_valid(\(text))", .answers(isRefused ? "false" : "true"))
        .check(with: PolicyFunctions.builtins)
    }
  }

  private static func json(_ value: Value) -> String {
    var bytes: [UInt8] = []
    value.write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func text(_ value: Value) -> String {
    if case .string(let text) = value { text.text } else { "" }
  }

  /// The reader's own limits, and those of the evaluation, hold where aliases stand for much.
  @Test func `aliases are expanded within the limits`() throws {
    let doubling = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1),*a\($0 - 1)]\\n" }.joined()
    let merging = (1...40).map {
      "a\($0): &a\($0)\\n  <<: [*a\($0 - 1), *a\($0 - 1)]\\n"
    }.joined()
    for text in ["a0: &a0 [x]\\n" + doubling, "a0: &a0 {x: 1}\\n" + merging] {
      try BuiltinCall(
        "yaml.unmarshal(\"\(text)\")",
        .fails("yaml.unmarshal: yaml: document contains excessive aliasing")
      ).check(with: PolicyFunctions.builtins)
    }
    let long = String(repeating: "x", count: 100_000)
    let aliases = String(repeating: "- *a\\n", count: 5_000)
    let text = "- &a \(long)\\n\(aliases)"
    try BuiltinCall(
      "yaml.is_valid(\"\(text)\")",
      .fails("eval_limit_error: the policy took more than 2000000 steps")
    ).check(with: PolicyFunctions.builtins)
    let many = String(repeating: "- x\\n", count: 100_000)
    try BuiltinCall(
      "yaml.unmarshal(\"\(many)\")", .fails("yaml: it holds more than 100000 values")
    ).check(with: PolicyFunctions.builtins)
    let deep = String(repeating: "[", count: 500)
    try BuiltinCall(
      "yaml.unmarshal(\"\(deep)\")", .fails("yaml: it is nested deeper than 64 levels")
    ).check(with: PolicyFunctions.builtins)
  }
}
