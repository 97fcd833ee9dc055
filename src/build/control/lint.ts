import { decodeStatus, type StatusWarning } from "../../lib/buildkit/index.ts";

/** BuildKit's answer to `frontend.lint` (`frontend/subrequests/lint`), out of the warnings that a check told. */
export function lintResult(messages: readonly Uint8Array[]): Record<string, Uint8Array> {
  const warnings = messages.flatMap((message) => decodeStatus(message).warnings);
  const sources = [...new Map(warnings.map((warning) => [sourceKey(warning), warning])).values()];
  const result = {
    warnings: warnings.map((warning) => ({
      ...ruleOf(warning),
      url: warning.url,
      location: {
        sourceIndex: sources.findIndex((source) => sourceKey(source) === sourceKey(warning)),
        ranges: warning.ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } })),
      },
    })),
    sources: sources.map(({ fileName, fileText }) => ({
      filename: fileName,
      language: "Dockerfile",
      data: Buffer.from(fileText).toString("base64"),
    })),
  };
  return {
    "result.json": Buffer.from(JSON.stringify(result)),
    "result.txt": Buffer.from(warnings.map(warningText).join("")),
    "result.statuscode": Buffer.from(warnings.length > 0 ? "1" : "0"),
    version: Buffer.from("1.0.0"),
  };
}

const sourceKey = ({ fileName, fileText }: StatusWarning) => JSON.stringify([fileName, fileText]);

/** `JSONArgsRecommended: JSON arguments recommended for CMD …` */
function ruleOf({ short, detail }: StatusWarning) {
  const [, ruleName = "", text = short] = /^([A-Za-z]+): (.*?)(?: \(line \d+\))?$/s.exec(short) ?? [];
  return { ruleName, description: detail.join("\n"), detail: text };
}

function warningText(warning: StatusWarning): string {
  const { ruleName, detail } = ruleOf(warning);
  const line = warning.ranges[0]?.start;
  const place = line === undefined ? "" : `${warning.fileName}:${line}\n`;
  return `\nWARNING: ${ruleName}${warning.url === "" ? "" : ` - ${warning.url}`}\n${detail}\n${place}`;
}
