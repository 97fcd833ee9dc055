import { expect, test } from "bun:test";
import type { Progress } from "../../../compose/index.ts";
import { colours } from "../colours.ts";
import { jsonView } from "./json.ts";
import { plainView } from "./plain.ts";
import { Screen } from "./screen.ts";

const working = (id: string, text: string, more: Partial<Progress> = {}): Progress => ({
  ...{ id, status: "working", text },
  ...more,
});
const done = (id: string, text: string, more: Partial<Progress> = {}): Progress => ({
  ...{ id, status: "done", text },
  ...more,
});

test("plain: a line for each step, and one for an amount that grows", () => {
  const lines: string[] = [];
  const view = plainView(
    (line) => lines.push(line),
    () => {},
    false,
  );
  view.progress(working("Container a-1", "Creating"));
  view.progress(working("Container a-1", "Creating"));
  view.progress(done("Container a-1", "Created"));
  view.progress(working("layer", "Downloading", { parent: "Image x", detail: "1 MB", current: 1, total: 3 }));
  view.progress(working("layer", "Downloading", { parent: "Image x", detail: "2 MB", current: 2, total: 3 }));
  view.progress({ id: "Image x", status: "error", text: "Error", detail: "no such host" });
  view.progress({ id: "Image y", status: "error", text: "Dockerfile:2\n---\nfailed to solve\n" });
  expect(lines).toEqual([
    " Container a-1 Creating \n",
    " Container a-1 Created \n",
    " layer Downloading\n",
    " Image x Error no such host\n",
    " Image y failed to solve \n",
  ]);
});

test("json: Docker Compose's keys", () => {
  const lines: string[] = [];
  const view = jsonView(
    (line) => lines.push(line),
    () => {},
    true,
  );
  view.progress(working("layer", "Downloading", { parent: "Image x", current: 1, total: 4 }));
  view.progress(done("Network n", "Created"));
  expect(lines).toEqual([
    '{"dry-run":true,"id":"layer","parent_id":"Image x","status":"Working","text":"Downloading","current":1,"total":4,"percent":25}\n',
    '{"dry-run":true,"id":"Network n","status":"Done","text":"Created"}\n',
  ]);
});

interface Shown {
  readonly screen: Screen;
  /** The frames drawn, without what moves the cursor. */
  frames(): string[][];
  clock: { now: number };
}

function screen(rows: number, columns: number): Shown {
  const printed: string[] = [];
  const clock = { now: 0 };
  const view = new Screen({
    print: (text) => printed.push(text),
    warning: (message) => `WARN ${message}`,
    title: "up",
    dryRun: false,
    colours: colours.none,
    size: () => ({ rows, columns }),
    now: () => clock.now,
  });
  const frames = () =>
    printed.map((text) =>
      text
        .replaceAll(/\x1b\[[?0-9]*[a-zA-Z]|\r/g, "")
        .split("\n")
        .slice(0, -1),
    );
  return { screen: view, frames, clock };
}

test("tty: one line a resource, with a mark, aligned, and the time it took", () => {
  const { screen: view, frames, clock } = screen(24, 40);
  view.progress(working("Network n", "Creating"));
  view.progress(working("Container a-1", "Creating"));
  clock.now = 1500;
  view.progress(done("Network n", "Created"));
  view.draw();
  view.progress({ id: "Container a-1", status: "error", text: "Error", detail: "it is broken" });
  clock.now = 2000;
  view.finish();
  expect(frames()).toEqual([
    ["[+] up 1/2", " ✔ Network n     Created            1.5s", " ⠴ Container a-1 Creating           1.5s"],
    ["[+] up 2/2", " ✔ Network n     Created            1.5s", " ✘ Container a-1 Error it is broken 1.5s"],
  ]);
});

test("tty: parts of a pull are folded into their image, then what is done, where there is no room", () => {
  const { screen: view, frames } = screen(6, 60);
  view.progress(working("Image x", "Pulling"));
  view.progress(done("l1", "Pull complete", { parent: "Image x", total: 1_000_000 }));
  view.progress(working("l2", "Downloading", { parent: "Image x", current: 500_000, total: 1_000_000 }));
  view.draw();
  expect(frames().at(-1)).toEqual([
    "[+] up 0/1",
    " ⠋ Image x [⣿⣤] 1.5MB / 2MB Pulling                     0.0s",
    "   ✔ l1    Pull complete                                0.0s",
    "   ⠋ l2    [⣤] 500kB / 1MB Downloading                  0.0s",
  ]);
  for (const id of ["a", "b", "c", "d"]) view.progress(done(id, "Created"));
  view.progress(working("e", "Creating"));
  view.draw();
  expect(frames().at(-1)).toEqual([
    "[+] up 4/6",
    " ⠋ Image x [⣿⣤] 1.5MB / 2MB Pulling                     0.0s",
    " ✔ a       Created                                      0.0s",
    " ⠋ e       Creating                                     0.0s",
    " … 3 more",
  ]);
  view.finish();
});

test("tty: what names contain is shown and not obeyed, and long texts are cut", () => {
  const { screen: view, frames } = screen(24, 40);
  view.progress({ id: "Container \x1b[2J", status: "warning", text: "Warning", detail: "x".repeat(100) });
  view.finish();
  const line = frames()[0]![1]!;
  expect(line).toStartWith(" ! Container \\x1b[2J Warning xx");
  expect(line).toHaveLength(40);
});

test("tty: beside others' output only what matters is told, in lines", () => {
  const { screen: view, frames } = screen(24, 80);
  view.progress(done("Container a-1", "Created"));
  const lines: string[] = [];
  view.besideOutput((line) => lines.push(line));
  view.progress(done("Container a-1", "Started"));
  view.warn("careful");
  view.progress(working("Container b-1", "Waiting", { detail: "for health" }));
  view.progress(working("Compose", "Stopping", { detail: "Gracefully Stopping..." }));
  view.progress({ id: "Container b-1", status: "error", text: "Error" });
  view.finish();
  expect(frames()).toHaveLength(1);
  expect(lines).toEqual([
    "WARN careful\n",
    "Container b-1 Waiting for health\n",
    "Gracefully Stopping...\n",
    "Container b-1 Error \n",
  ]);
});
