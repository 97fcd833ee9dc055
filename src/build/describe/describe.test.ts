import { describe, expect, test } from "bun:test";
import { readDockerfile } from "../dockerfile/index.ts";
import { planText } from "../dockerfile/testing.ts";
import { describeWarnings } from "./lint.ts";
import { describeOutline } from "./outline.ts";
import { describeTargets } from "./targets.ts";

const TEXT = `# VERSION which one
ARG VERSION=1.2
ARG UNUSED=1
FROM --platform=$BUILDPLATFORM base:$VERSION AS build
# MODE how it is built
ARG MODE=fast
ARG API_TOKEN=abc
ARG PLAIN
RUN --mount=type=secret,id=token,required=true --mount=type=cache,target=/c,id=cargo --mount=type=ssh true

# test runs all the tests
FROM build AS test
ARG WHERE=https://me:secret@host/$MODE
RUN --mount=type=secret,id=token true

FROM scratch
COPY --from=build /a /b
`;
const data = Buffer.from(TEXT).toString("base64");
const at = (start: number, end = start) => ({ ranges: [{ start: { line: start }, end: { line: end } }] });

describe("what is told of a Dockerfile without building it", () => {
  test("targets", () => {
    expect(describeTargets(readDockerfile(TEXT), TEXT)).toEqual({
      targets: [
        { name: "build", base: "base:$VERSION", platform: "$BUILDPLATFORM", location: at(4) },
        { name: "test", description: "runs all the tests", base: "build", location: at(12) },
        { default: true, base: "scratch", location: at(16) },
      ],
      sources: [data],
    });
  });

  const outline = (target: string, buildArgs: Record<string, string> = {}) => {
    return describeOutline(planText(TEXT, { target, buildArgs }), readDockerfile(TEXT), TEXT);
  };

  test("the outline of a target: what its stages can be given", () => {
    expect(outline("test", { MODE: "slow", VERSION: "2" })).toEqual({
      name: "test",
      description: "runs all the tests",
      args: [
        { name: "VERSION", description: "which one", value: "2", location: at(2) },
        { name: "MODE", description: "how it is built", value: "slow", location: at(6) },
        { name: "API_TOKEN", location: at(7) },
        { name: "PLAIN", location: at(8) },
        { name: "WHERE", value: "https://xxxxx:xxxxx@host/slow", location: at(13) },
      ],
      secrets: [{ name: "token", required: true, location: at(9) }],
      ssh: [{ name: "default", location: at(9) }],
      cache: [{ ID: "cargo", location: at(9) }],
      sources: [data],
    });
  });

  test("of one without anything", () => {
    const text = "FROM scratch";
    expect(describeOutline(planText(text), readDockerfile(text), text)).toEqual({
      sources: [Buffer.from(text).toString("base64")],
    });
  });

  test("warnings", () => {
    const text = "FROM scratch\nMAINTAINER me\n";
    expect(describeWarnings(planText(text).warnings, { fileName: "Dockerfile", text })).toEqual({
      warnings: [
        {
          ruleName: "MaintainerDeprecated",
          description:
            "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
          url: "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
          detail: "Maintainer instruction is deprecated in favor of using label",
          location: at(2),
        },
      ],
      sources: [
        { filename: "Dockerfile", language: "Dockerfile", data: Buffer.from(text).toString("base64") },
      ],
    });
  });
});
