import { type Flags, parseFlags } from "./flags.ts";
import { heredocText, parseHeredocMark } from "./heredoc.ts";
import type { AddInstruction, Copied, CopyInstruction, InlineFile } from "./instruction.ts";
import { argumentError, type Statement, statementError } from "./statement.ts";

/** `ADD`. @throws DockerfileError */
export function typedAdd(source: Statement): AddInstruction {
  needsTwo(source, "ADD");
  const flags = parseFlags(source, {
    chown: "text",
    chmod: "text",
    link: "switch",
    "keep-git-dir": "switch",
    checksum: "text",
    unpack: "switch",
    exclude: "texts",
  });
  return {
    name: "ADD",
    source,
    ...copied(source, "ADD"),
    ...common(flags),
    checksum: flags.text("checksum") ?? "",
    keepGitDir: flags.switch("keep-git-dir"),
    unpack: flags.switch("unpack"),
  };
}

/** `COPY`. @throws DockerfileError */
export function typedCopy(source: Statement): CopyInstruction {
  needsTwo(source, "COPY");
  const flags = parseFlags(source, {
    chown: "text",
    from: "text",
    chmod: "text",
    link: "switch",
    exclude: "texts",
    parents: "switch",
  });
  return {
    name: "COPY",
    source,
    ...copied(source, "COPY"),
    ...common(flags),
    from: flags.text("from") ?? "",
    parents: flags.switch("parents") ?? false,
  };
}

const common = (flags: Flags) => ({
  chown: flags.text("chown") ?? "",
  chmod: flags.text("chmod") ?? "",
  link: flags.switch("link") ?? false,
  exclude: flags.texts("exclude"),
});

function needsTwo(source: Statement, name: string): void {
  if (source.arguments.length >= 2) return;
  throw argumentError(
    source,
    `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
  );
}

function copied(source: Statement, name: string): Copied {
  const destination = source.arguments.at(-1)!;
  if (parseHeredocMark(destination) !== undefined) {
    const offset = source.text.lastIndexOf(destination);
    throw statementError(source, `${name} cannot accept a heredoc as a destination`, {
      offset,
      length: destination.length,
    });
  }
  const sources: string[] = [];
  const files: InlineFile[] = [];
  for (const word of source.arguments.slice(0, -1)) {
    const mark = parseHeredocMark(word);
    const heredoc = mark && source.heredocs.findLast((candidate) => candidate.name === mark.name);
    if (mark === undefined) sources.push(word);
    else {
      const content = heredoc === undefined ? "" : heredocText({ ...heredoc, chomp: mark.chomp });
      files.push({ name: mark.name, content, expand: mark.expand });
    }
  }
  return { sources, files, destination };
}
