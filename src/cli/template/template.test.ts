import { expect, test } from "bun:test";
import { fromJson, methods, Template } from "./index.ts";

const DATA = fromJson(
  JSON.stringify({
    Id: "abc",
    Count: 3,
    On: true,
    State: { Status: "running", Pid: 5 },
    Config: { Labels: { b: "2", a: "1" }, Env: ["A=1", "B=2"], Cmd: null },
    HostConfig: { Memory: 0, PidsLimit: null },
    NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "90/tcp": null } },
  }).replace('"Memory":0', '"Memory":9223372036854771712'),
);

const execute = (source: string) => new Template(source).execute(DATA);

const RESULTS: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["{{.Id}}-{{.Count}}-{{.On}}", "abc-3-true"],
  ["{{ .State.Status }}", "running"],
  ["{{.State}}", "{running 5}"],
  ["{{.Config.Labels}}", "map[a:1 b:2]"],
  ["{{.Config.Labels.a}}/{{.Config.Labels.none}}", "1/<no value>"],
  ["{{.Config.Env}} {{.Config.Cmd}}", "[A=1 B=2] []"],
  ["{{.HostConfig.PidsLimit}} {{.HostConfig.Mounts}}", "<nil> []"],
  ["{{.HostConfig.Memory}}", "9223372036854771712"],
  ["{{.NetworkSettings.Ports}}", "map[80/tcp:[{0.0.0.0 8080}] 90/tcp:[]]"],
  ["{{json .Config}}", '{"Labels":{"a":"1","b":"2"},"Env":["A=1","B=2"],"Cmd":null}'],
  ['{{json "<a&b>"}}', '"<a&b>"'],
  ["a {{- .Id -}} b", "aabcb"],
  ["a{{/* a comment */}}b {{- /* another */ -}} c", "abc"],
  ["{{if .On}}y{{else}}n{{end}}{{if .Config.Cmd}}y{{else}}n{{end}}", "yn"],
  ['{{if eq .Id "x"}}1{{else if eq .Id "abc"}}2{{else}}3{{end}}', "2"],
  ["{{with .State}}{{.Pid}}{{end}}{{with .Config.Cmd}}x{{else}}none{{end}}", "5none"],
  ["{{range .Config.Env}}[{{.}}]{{end}}", "[A=1][B=2]"],
  ["{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$e}}{{end}}", "A=1, B=2"],
  ["{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"],
  ["{{range .Config.Cmd}}x{{else}}empty{{end}}", "empty"],
  ['{{range .Config.Env}}{{if eq . "B=2"}}{{continue}}{{end}}{{.}}{{end}}', "A=1"],
  ["{{range .Config.Env}}{{.}}{{break}}{{end}}", "A=1"],
  ["{{$x := .Id}}{{range .Config.Env}}{{$x}}{{end}}{{$.Count}}", "abcabc3"],
  ["{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2"],
  ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080"],
  ['{{index .Config.Labels "none"}}|{{index .Config.Env 1}}', "|B=2"],
  ["{{len .Config.Env}} {{len .Config.Labels}} {{len .Id}}", "2 2 3"],
  ["{{slice .Id 1 2}} {{slice .Config.Env 1}}", "b [B=2]"],
  ['{{join .Config.Env ","}} {{split "a:b" ":"}}', "A=1,B=2 [a b]"],
  ['{{upper .Id}} {{.Id | upper | lower}} {{title "two words"}}', "ABC abc Two Words"],
  ['{{pad .Id 1 2}}|{{pad "" 1 2}}|{{truncate .Id 2}}', " abc  ||ab"],
  ["{{println .Id .Count}}{{print 1 2 .Id}}", "abc 3\n1 2abc"],
  [
    '{{printf "%s %d %v %q %5d %-4s| %05.1f %t %x %%" .Id 42 .On "q" 7 "l" 3.14 true 255}}',
    'abc 42 true "q"     7 l   | 003.1 true ff %',
  ],
  ['{{and .On .Id}} {{or "" 0 .Id}} {{not .On}}', "abc abc false"],
  ["{{and false .Nope}} {{or true .Nope}}", "false true"],
  ["{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2 3}}{{ne 1 2}}", "truetruefalsefalsetrue"],
  ['{{eq .Id "x" "abc"}}', "true"],
  ["{{0x10}} {{-1}} {{1.5}} {{'a'}} {{`raw \\n`}} {{\"tab\\t\"}}", "16 -1 1.5 97 raw \\n tab\t"],
  ['{{html .Id}}{{urlquery "a b"}}', "abca+b"],
  ["{{json .}}", new Template("{{json .}}").execute(DATA)],
];

for (const [source, result] of RESULTS) {
  test(source, () => {
    expect(execute(source)).toBe(result);
  });
}

const MISTAKES: readonly (readonly [string, string])[] = [
  ["{{.ID", "template: :1: unclosed action"],
  ["a\n{{.ID", "template: :2: unclosed action"],
  ["{{nofunc}}", 'template: :1: function "nofunc" not defined'],
  ["{{}}", "template: :1: missing value for command"],
  ["{{if}}x{{end}}", "template: :1: missing value for if"],
  ["{{end}}", "template: :1: unexpected {{end}}"],
  ["{{if .On}}", "template: :1: unexpected EOF"],
  ["{{$y}}", 'template: :1: undefined variable "$y"'],
  ["{{range .X}}{{$z := 1}}{{end}}{{$z}}", 'template: :1: undefined variable "$z"'],
  ["{{break}}", "template: :1: {{break}} outside {{range}}"],
  ['{{"open}}', "template: :1: unterminated quoted string"],
  ["{{/* open", "template: :1: unclosed comment"],
  ["{{1x}}", 'template: :1: bad number syntax: "1x"'],
  ["{{.Id | }}", "template: :1: missing value for command"],
  ["{{.Id | 1}}", "template: :1: non executable command in pipeline stage 2"],
  ['{{template "x"}}', "template: :1: {{template}} is not supported here"],
  ["{{.Nope}}", 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ["{{json .Foo.Bar}}", 'template: :1:11: executing "" at <.Foo.Bar>: map has no entry for key "Foo"'],
  ["{{.Id.X}}", 'template: :1:5: executing "" at <.Id.X>: can\'t evaluate field X in type string'],
  [
    "{{index .Config.Env 9}}",
    'template: :1:2: executing "" at <index .Config.Env 9>: error calling index: index out of range: 9',
  ],
  [
    "{{upper 1}}",
    'template: :1:2: executing "" at <upper 1>: error calling upper: wrong type for value; expected string; got int',
  ],
  ["{{range .Id}}{{end}}", 'template: :1:8: executing "" at <.Id>: range can\'t iterate over abc'],
];

for (const [source, message] of MISTAKES) {
  test(`${JSON.stringify(source)} is a mistake`, () => {
    expect(() => execute(source)).toThrow(message);
  });
}

test("rows compute their fields, take arguments and marshal themselves", () => {
  const row = methods<{ id: string; labels: Record<string, string> }>("*test.row", {
    ID: ({ id }) => id,
    Label: ({ labels }, name) => labels[name!] ?? "",
    Ports: () => "80->80",
  })({ id: "x", labels: { a: "b" } });
  expect(new Template('{{.ID}} {{.Label "a"}}').execute(row)).toBe("x b");
  expect(new Template("{{json .}}").execute(row)).toBe('{"ID":"x","Ports":"80-\\u003e80"}');
  expect(() => new Template("{{.Nope}}").execute(row)).toThrow("can't evaluate field Nope in type *test.row");
});

test("a template nested without end is refused", () => {
  expect(() => new Template("{{if 1}}".repeat(5000))).toThrow("nested too deeply");
  expect(() => new Template(`{{${"(".repeat(5000)}.Id}}`)).toThrow("nested too deeply");
});
