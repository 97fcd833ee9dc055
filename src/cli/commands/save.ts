import { string } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { saveStream } from "../terminal/save-stream.ts";
import { platformJson } from "../text/platform.ts";

export const command = defineCommand({
  summary: "Write images as a tar archive",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arity: atLeast(1),
  complete: "images",
  flags: {
    output: string("File to write instead of stdout", { short: "o", complete: "files" }),
    platform: string('Write only this variant: "os[/arch[/variant]]"'),
  },
  async run({ cli, args, flags }) {
    const platforms = flags.platform === "" ? {} : { platforms: [platformJson(flags.platform)] };
    await saveStream(flags.output, "failed to save image", async () =>
      (await cli.engine()).images.save(args, platforms),
    );
  },
});
