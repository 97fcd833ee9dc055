import { bool, list, string } from "../../flags.ts";
import { between } from "../../spec.ts";
import { INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Make an image of the changes in a service's container",
  usage: "[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
  arity: between(1, 2),
  flags: {
    author: string('Author, e.g. "Jane Doe <jane@example.com>"', { short: "a" }),
    change: list("Dockerfile instruction to apply to the image", { short: "c" }),
    ...INDEX_FLAG,
    message: string("Message to keep in the image's history", { short: "m" }),
    pause: bool("Pause the container meanwhile", { short: "p", initial: true }),
  },
  async run({ session, args: [service = "", reference], flags }) {
    const project = await session.projectOnEngine();
    const { commit } = await compose();
    const { author, change: changes, index, message: comment, pause } = flags;
    await session.work(project, { title: "commit" }, (app) =>
      commit(app, service, {
        author,
        changes,
        comment,
        index,
        pause,
        ...(reference !== undefined && { reference }),
      }),
    );
  },
});
