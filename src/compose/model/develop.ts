import {
  but,
  Command,
  Flag,
  kept,
  list,
  oneOf,
  type Static,
  StrictFlag,
  struct,
  Text,
  TextOrTexts,
  Variables,
} from "./schema.ts";

const WatchExecSchema = struct(
  { command: Command, user: Text, privileged: Flag, working_dir: Text, environment: Variables },
  { always: true },
);

/** What is done when a file below `path` changes. */
export const WatchSchema = struct(
  {
    path: kept(but(Text, { path: "link" })),
    action: kept(oneOf("rebuild", "sync", "restart", "sync+restart", "sync+exec")),
    target: Text,
    /** For `sync+exec`. */
    exec: WatchExecSchema,
    include: TextOrTexts,
    ignore: TextOrTexts,
    initial_sync: StrictFlag,
  },
  { required: ["path", "action"] },
);
export type Watch = Static<typeof WatchSchema>;

export const DevelopSchema = struct({ watch: list(WatchSchema) }, { nullable: true });
export type Develop = Static<typeof DevelopSchema>;
