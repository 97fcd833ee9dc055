// What Dockerfiles mean where their writers are often surprised. Each row was compared with BuildKit where that is of an age to know it:
// the lines that the steps print after `OUT `, in order.
import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine } = useEngine();
const folderOf = buildFolders();

interface Row {
  readonly what: string;
  readonly dockerfile: string;
  readonly files?: Readonly<Record<string, string>>;
  /** By name: where they lead. */
  readonly links?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly out: readonly string[];
}

const list = (...paths: string[]) => `RUN find ${paths.join(" ")} | sort | sed 's/^/OUT /'\n`;

const rows: readonly Row[] = [
  // The ignore file.
  {
    what: "ignored everywhere, but for one",
    dockerfile: `COPY . /c\n${list("/c")}`,
    files: {
      ".dockerignore": "Dockerfile\n.dockerignore\n**/node_modules\n!keep/node_modules/x\n",
      ...{
        "node_modules/a": "",
        "sub/node_modules/b": "",
        "keep/node_modules/x": "",
        "keep/node_modules/y": "",
      },
    },
    out: ["/c", "/c/keep", "/c/keep/node_modules", "/c/keep/node_modules/x", "/c/sub"],
  },
  {
    what: "everything ignored, but for some, but for some",
    dockerfile: `COPY . /c\n${list("/c")}`,
    files: {
      ".dockerignore": "*\n!src\n!pack*.json\nsrc/**/*.tmp\n",
      ...{ "src/a": "", "src/d/b.tmp": "", "src/d/c": "", "package.json": "", other: "" },
    },
    out: ["/c", "/c/package.json", "/c/src", "/c/src/a", "/c/src/d", "/c/src/d/c"],
  },
  {
    what: "a mark at the start, comments, line ends and blanks of the ignore file",
    dockerfile: `COPY . /c\n${list("/c")}`,
    files: {
      ".dockerignore": "\ufeff# c\r\n/foo\r\nbar/\r\n./baz\r\n ! qux \r\n\r\nDockerfile\r\n.dockerignore\r\n",
      ...{ foo: "", "sub/foo": "", "bar/x": "", baz: "", qux: "" },
    },
    out: ["/c", "/c/qux", "/c/sub", "/c/sub/foo"],
  },
  // COPY.
  {
    what: "--parents with patterns and a pivot",
    dockerfile: `COPY --parents a/*/c.txt ./x/./y/*.c **/*.md /p/\n${list("/p", "-type f")}`,
    files: {
      "a/1/c.txt": "",
      "a/2/c.txt": "",
      "a/2/d.txt": "",
      "x/y/1.c": "",
      "x/y/2.h": "",
      "z/q/r.md": "",
    },
    out: ["/p/a/1/c.txt", "/p/a/2/c.txt", "/p/y/1.c", "/p/z/q/r.md"],
  },
  {
    what: "links as sources, within folders, and as destinations",
    dockerfile: `RUN mkdir /real && ln -s /real /to\nCOPY folder /a\nCOPY file /b\nCOPY l /c\nCOPY l/x /to/\nRUN for each in /a/x /b /c/l /real/x; do stat -c 'OUT %F %n' $each; done\n`,
    files: { "l/x": "1" },
    links: { folder: "l", file: "l/x", "l/l": "x" },
    out: ["regular file /a/x", "regular file /b", "symbolic link /c/l", "regular file /real/x"],
  },
  {
    what: "modes in symbols, and of folders too",
    dockerfile: `COPY --chmod=u=rwX,go=rX t /d\nCOPY --chmod=755 t /f\nARG M=640\nCOPY --chmod=$M t/x /g\nRUN stat -c 'OUT %a %n' /d /d/x /f/x /f/s /g\n`,
    files: { "t/x": "1", "t/s/y": "" },
    out: ["755 /d", "644 /d/x", "755 /f/x", "755 /f/s", "640 /g"],
  },
  {
    what: "whom WORKDIR and COPY belong to after USER",
    dockerfile: `USER www-data\nWORKDIR /w/x\nCOPY a .\nCOPY --chown=www-data a b\nCOPY --chown=www-data:tty a c\nRUN stat -c 'OUT %u:%g %n' /w /w/x a b c\n`,
    files: { a: "" },
    out: ["33:33 /w", "33:33 /w/x", "0:0 a", "33:33 b", "33:5 c"],
  },
  {
    what: "a pattern that fits nothing beside a file that is there",
    dockerfile: `COPY a lock* /d/\n${list("/d")}`,
    files: { a: "" },
    out: ["/d", "/d/a"],
  },
  {
    what: "a folder's contents, however it is written, also from above the context",
    dockerfile: `COPY dir /a\nCOPY dir/ /b\nCOPY dir/. /c\nCOPY ../dir /d\n${list("/a", "/b", "/c", "/d", "-type f")}`,
    files: { "dir/x": "" },
    out: ["/a/x", "/b/x", "/c/x", "/d/x"],
  },
  // Variables.
  {
    what: "arguments before FROM, in stages, and beside ENV",
    dockerfile: `RUN echo OUT [$G]\nARG G\nARG H\nRUN echo OUT [$G][$H]\nENV G=env\nRUN echo OUT [$G]\nENV C=1 D=$C\nRUN echo OUT [$C][$D]\n`,
    args: ["--build-arg", "H=cli"],
    out: ["[]", "[1][cli]", "[env]", "[1][]"],
  },
  {
    what: "substitutions",
    dockerfile: `ENV S=foobar E=\nRUN echo OUT\nENV T=\${S#foo} U=\${S%bar} V=\${S/o/0} W=\${S//o/0} X=\${E:-d} Y=\${E-d} Z=\${S:+y}\nRUN echo OUT $T $U $V $W $X [$Y] $Z\n`,
    out: ["", "bar foo f0obar f00bar d [] y"],
  },
  // Here-documents.
  {
    what: "here-documents as commands, as input and as files",
    dockerfile: `ARG V=val\nRUN <<EOF\necho OUT a\nfalse\necho OUT b\nEOF\nRUN <<-EOF\n\techo OUT tab\n\tEOF\nRUN cat <<X | sed 's/^/OUT /'\nline $HOME\nX\nCOPY <<A <<"B" /d/\nOUT $V \${V:-x} "q" \\$V\nA\nOUT $V\nB\nRUN cat /d/A /d/B\n`,
    out: ["a", "b", "tab", "line /root", 'val val "q" $V', "$V"],
  },
  {
    what: "lines that end in CR LF",
    dockerfile:
      "ENV A=1 \\\r\n  B=2\r\nRUN echo OUT [$A][$B] \\\r\n && echo OUT two\r\nRUN <<EOF\r\necho OUT three\r\nEOF\r\n",
    out: ["[1][2]", "two", "three"],
  },
  {
    what: "comments and blanks within a command that goes on",
    dockerfile: "RUN echo OUT one \\\n# comment\n  # another\n\n  two \\ \n  three\n",
    out: ["one two three"],
  },
  // BuildKit's own arguments.
  {
    what: "BUILDKIT_SANDBOX_HOSTNAME",
    dockerfile: "RUN echo OUT $(hostname)\n",
    args: ["--build-arg", "BUILDKIT_SANDBOX_HOSTNAME=builder"],
    out: ["builder"],
  },
];

describe("Dockerfiles", () => {
  test.each(rows.map((row) => [row.what, row] as const))("%s", async (_, row) => {
    const folder = folderOf({
      Dockerfile: `ARG G=1\nARG H=$G-2\nFROM ${IMAGE}\n${row.dockerfile}`,
      ...row.files,
    });
    for (const [name, target] of Object.entries(row.links ?? {})) symlinkSync(target, join(folder, name));
    const { code, stderr } = await engine().berth([
      "build",
      "--progress",
      "plain",
      ...(row.args ?? []),
      folder,
    ]);
    expect(code, stderr).toBe(0);
    const printed = stderr
      .split("\n")
      .flatMap((line) => /^#(\d+) \d+\.\d+ OUT ?(.*?)\r?$/.exec(line)?.slice(1) ?? [])
      .filter((_text, index) => index % 2 === 1);
    expect(printed).toEqual([...row.out]);
  });

  test("caches of builds with namespaces of their own are not shared", async () => {
    const built = async (namespace: string, word: string) => {
      const folder = folderOf({
        Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=cache,target=/c echo ${word} >>/c/n; echo OUT $(cat /c/n)\n`,
      });
      const args = ["--build-arg", `BUILDKIT_CACHE_MOUNT_NS=${namespace}`];
      const { stderr } = await engine().berth(["build", "--progress", "plain", ...args, folder]);
      return /OUT (.*)/.exec(stderr.replaceAll(/.*RUN.*/g, ""))?.[1];
    };
    expect(await built("one", "a")).toBe("a");
    expect(await built("two", "b")).toBe("b");
    expect(await built("one", "c")).toBe("a c");
  });
});
