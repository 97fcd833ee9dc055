import { describe, expect, test } from "bun:test";
import type { EngineError } from "../lib/index.ts";
import { decode } from "./decode.ts";
import { ContainerCreateRequestSchema, ExecStartRequestSchema } from "./index.ts";

const create = (json: string) => decode("CreateRequest", ContainerCreateRequestSchema, JSON.parse(json));

function refusal(json: string): string {
  try {
    create(json);
  } catch (error) {
    expect((error as EngineError).kind).toBe("InvalidParameter");
    return (error as EngineError).message;
  }
  throw new Error(`accepted: ${json}`);
}

describe("decode reads as Go does", () => {
  test("null in a struct is a field that was not sent; in a map it stays", () => {
    const request = create(
      '{"Image":"a","Tty":null,"Cmd":null,"HostConfig":{"PortBindings":{"80/tcp":null},"Memory":null}}',
    );
    expect(request).toEqual({ Image: "a", HostConfig: { PortBindings: { "80/tcp": null } } });
  });

  test("names match whatever their case", () => {
    expect(decode("X", ExecStartRequestSchema, { detach: true, TTY: false })).toEqual({
      Detach: true,
      Tty: false,
    });
    expect(create('{"hostconfig":{"logconfig":{"type":"none"}}}')).toEqual({
      HostConfig: { LogConfig: { Type: "none" } },
    });
  });

  test("a lone string is a list of one only where Docker allows it", () => {
    expect(create('{"Cmd":"ls","Entrypoint":"/e","HostConfig":{"CapAdd":"ALL"}}')).toEqual({
      Cmd: ["ls"],
      Entrypoint: ["/e"],
      HostConfig: { CapAdd: ["ALL"] },
    });
    expect(refusal('{"Env":"A=b"}')).toContain(
      "cannot unmarshal string into Go struct field CreateRequest.Env",
    );
  });

  test("unknown fields are dropped, also those of Object's prototype", () => {
    const request = create(
      '{"Nonsense":{"a":1},"constructor":1,"__proto__":{"Tty":true},"HostConfig":{"X":1}}',
    );
    expect(Object.getOwnPropertyNames(request)).toEqual(["HostConfig"]);
    expect(request).toEqual({ HostConfig: {} });
    expect(request.Tty).toBeUndefined();
    expect(Object.getPrototypeOf(request)).toBe(Object.prototype);
  });

  test("keys of a map are only keys, whatever they are called", () => {
    const { Labels, ExposedPorts } = create(
      '{"Labels":{"__proto__":"x","constructor":"y"},"ExposedPorts":{"__proto__":{"a":1}}}',
    );
    expect(Object.entries(Labels ?? {})).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(Object.keys(ExposedPorts ?? {})).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(ExposedPorts)).toBe(Object.prototype);
  });

  test("the last of a field's several spellings counts, as the last of equal ones does", () => {
    expect(create('{"image":"a","Image":"b"}')).toEqual({ Image: "b" });
    expect(create('{"Image":"b","image":"a"}')).toEqual({ Image: "a" });
    expect(create('{"Image":"b","Image":"a"}')).toEqual({ Image: "a" });
  });
});

describe("decode names what does not fit", () => {
  const cases: [string, string][] = [
    ['{"Tty":"yes"}', "json: cannot unmarshal string into Go struct field CreateRequest.Tty of type bool"],
    [
      '{"HostConfig":{"Memory":"1g"}}',
      "json: cannot unmarshal string into Go struct field CreateRequest.HostConfig.Memory of type int64",
    ],
    [
      '{"HostConfig":{"Memory":1.5}}',
      "json: cannot unmarshal number 1.5 into Go struct field CreateRequest.HostConfig.Memory of type int64",
    ],
    [
      '{"HostConfig":[]}',
      "json: cannot unmarshal array into Go struct field CreateRequest.HostConfig of type struct",
    ],
    [
      '{"Env":["a",1]}',
      "json: cannot unmarshal number 1 into Go struct field CreateRequest.Env of type string",
    ],
    [
      '{"HostConfig":{"Ulimits":[{"Name":"nofile","Soft":true}]}}',
      "json: cannot unmarshal bool into Go struct field CreateRequest.HostConfig.Ulimits.Soft of type int64",
    ],
    [
      '{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":8080}]}}}',
      "json: cannot unmarshal number 8080 into Go struct field CreateRequest.HostConfig.PortBindings.80/tcp.HostPort of type string",
    ],
    [
      '{"Labels":{"a":1}}',
      "json: cannot unmarshal number 1 into Go struct field CreateRequest.Labels.a of type string",
    ],
    [
      '{"HostConfig":{"ConsoleSize":[-1,2]}}',
      "number -1 into Go struct field CreateRequest.HostConfig.ConsoleSize",
    ],
    [
      '{"HostConfig":{"Memory":1e300}}',
      "json: cannot unmarshal number 1e+300 into Go struct field CreateRequest.HostConfig.Memory of type int64",
    ],
    ["[]", "json: cannot unmarshal array into Go value of type CreateRequest"],
    ['"x"', "json: cannot unmarshal string into Go value of type CreateRequest"],
    ["7", "json: cannot unmarshal number 7 into Go value of type CreateRequest"],
  ];
  for (const [json, message] of cases) {
    test(json, () => expect(refusal(json)).toContain(message));
  }
});
