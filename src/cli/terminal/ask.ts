import type { Cli } from "../cli.ts";
import { standardInput } from "./stdin.ts";

/** Asks on the terminal and gives the line that is typed; a secret is not shown. */
export async function ask(cli: Cli, question: string, options: { secret?: boolean } = {}): Promise<string> {
  cli.print(question);
  const restore = options.secret === true ? hideTyping() : () => {};
  try {
    return await readLine();
  } finally {
    restore();
    if (options.secret === true) cli.print("\n");
  }
}

/** The next line of standard input, without its end. */
export async function readLine(): Promise<string> {
  let text = "";
  for await (const bytes of standardInput()) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("\n")) break;
  }
  return (text.split("\n")[0] ?? "").replace(/\r$/, "");
}

function hideTyping(): () => void {
  const set = (setting: string) => Bun.spawnSync(["stty", setting], { stdin: "inherit", stderr: "ignore" });
  const show = () => {
    process.off("exit", show);
    set("echo");
  };
  set("-echo");
  process.on("exit", show);
  return show;
}
