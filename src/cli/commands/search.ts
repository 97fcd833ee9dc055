import type { SearchResult } from "../../sdk/index.ts";
import { DOCKER_HUB, encodeAuth, findCredentials } from "../actions/credentials.ts";
import { bool, filter, int, string } from "../flags.ts";
import { type ListKind, printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { ellipsis } from "../show/table.ts";
import { defineCommand, exactly } from "../spec.ts";

function searchList(short: boolean, json: boolean): ListKind<SearchResult> {
  return {
    typeName: "*registry.searchContext",
    titles: { Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL" },
    fields: {
      Name: ({ name }) => name,
      Description: ({ description }) => {
        const text = description.replaceAll(/[\n\r]/g, " ");
        return short ? ellipsis(text, 45) : text;
      },
      StarCount: ({ star_count }) => String(star_count),
      IsOfficial: ({ is_official }) => (json ? String(is_official) : is_official ? "[OK]" : ""),
    },
  };
}

export const command = defineCommand({
  summary: "Search Docker Hub for images",
  usage: "[OPTIONS] TERM",
  arity: exactly(1),
  flags: {
    filter: filter("Show only what fulfils a condition (e.g. is-official=true)"),
    format: string(FORMAT_HELP),
    limit: int("Show at most so many"),
    "no-trunc": bool("Don't shorten what is long"),
  },
  async run({ cli, args, flags }) {
    const credentials = await findCredentials(await cli.config(), DOCKER_HUB);
    const auth = credentials === undefined ? undefined : encodeAuth(credentials);
    const limit = flags.limit > 0 ? { limit: flags.limit } : {};
    const found = await (await cli.engine()).images.search(
      args[0]!,
      { ...limit, filters: flags.filter },
      auth,
    );
    const isTable = flags.format === "" || flags.format === "table";
    const format = isTable
      ? "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
      : flags.format;
    await printList(
      cli,
      searchList(!flags["no-trunc"], ["json", "yaml"].includes(flags.format)),
      format,
      found,
    );
  },
});
