import { describe, expect, test } from "bun:test";
import { hintsFor, nearFlags, wantsHints } from "./hints.ts";
import { HINT_RULES } from "./rules.ts";

/** Messages as engines and clients write them, and a word of what helps. */
const CASES: readonly [message: string, hint: string][] = [
  [
    "permission denied while trying to connect to the berth daemon socket at unix:///var/run/berth.sock: become root, or join the group that owns the socket",
    "usermod -aG berth",
  ],
  ["Cannot connect to the berth daemon at unix:///x.sock. Is the berth daemon running?", "berth doctor"],
  [
    'Error response from daemon: Conflict. The container name "/web" is already in use by container "0a".',
    "berth rm -f web",
  ],
  [
    "Error response from daemon: Bind for 0.0.0.0:8080 failed: port is already allocated by web",
    "berth ps --filter publish=8080",
  ],
  [
    'Error response from daemon: failed to create task: exec: "bash": executable file not found in $PATH: unknown',
    "the image has no bash",
  ],
  [
    "Error response from daemon: Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
    "two characters",
  ],
  ["berth: Error response from daemon: no command specified", "IMAGE PROGRAM"],
  ['exec: "/app/run.sh": permission denied: unknown', "chmod +x /app/run.sh"],
  ["exec /bin/sh: exec format error", "--platform"],
  ["write /var/lib/berth: no space left on device", "berth system df"],
  [
    'Error response from daemon: cannot remove container "web": container is running: stop the container before removing or force remove',
    "berth rm -f web",
  ],
  [
    "conflict: unable to delete 1234 (cannot be forced) - image is being used by running container abcd12",
    "berth rm -f abcd12",
  ],
  [
    'conflict: unable to remove repository reference "x" (must force) - container abcd is using its referenced image 12',
    "berth rm -f abcd",
  ],
  ["remove data: volume is in use - [abc]", "berth ps -a --filter volume=data"],
  [
    "error while removing network: network backend has active endpoints (web)",
    "berth network disconnect -f backend",
  ],
  ["pull access denied for nope, repository does not exist or may require 'docker login'", "berth search"],
  ["unauthorized: authentication required", "berth login"],
  ["denied: requested access to the resource is denied", "berth login"],
  ["tls: failed to verify certificate: x509: certificate signed by unknown authority", "certs.d"],
  ["http: server gave HTTP response to HTTPS client", "insecure-registries"],
  ["toomanyrequests: You have reached your pull rate limit", "berth login"],
  ["dial tcp: lookup registry-1.docker.io: no such host", "berth doctor"],
  ["Error response from daemon: container abc is not running", "berth logs abc"],
  ["invalid reference format: repository name (MyApp) must be lowercase", "capital letters"],
  ['invalid mount config for type "bind": bind source path does not exist: /srv/x', "mkdir -p /srv/x"],
  ["the input device is not a TTY", "leave out -t"],
  ["failed to read dockerfile: open Dockerfile: no such file or directory", "berth build -f"],
  ["Error response from daemon: get data: no such volume", "berth volume ls"],
  ["Error response from daemon: network backend not found", "berth network create backend"],
  ["Your kernel does not support swap limit capabilities", "berth doctor"],
];

describe("hints", () => {
  for (const [message, hint] of CASES)
    test(message.slice(0, 60), () => expect(hintsFor(message).join("\n")).toContain(hint));

  test("every rule has a message that it is for", () => {
    const unused = HINT_RULES.filter(({ pattern }) => !CASES.some(([message]) => pattern.test(message)));
    expect(unused).toEqual([]);
  });

  test("nothing is said where nothing is known, and no name of an engine's is typed as it is", () => {
    expect(hintsFor("Error response from daemon: something else")).toEqual([]);
    const [hint] = hintsFor("remove $(reboot): volume is in use - [abc]");
    expect(hint).toContain("volume=NAME");
  });

  test("flags near to one that is none", () => {
    const flags = ["name", "network", "detach"];
    expect(nearFlags("unknown flag: --nmae\n\nUsage: …", flags)).toEqual(["did you mean --name?"]);
    expect(nearFlags("unknown flag: --zzz", flags)).toEqual([]);
    expect(nearFlags("something else", flags)).toEqual([]);
  });

  test("are for people: not for programs that read, nor for those who do not want them", () => {
    expect(wantsHints({ BERTH_HINTS: "1" })).toBe(true);
    expect(wantsHints({ BERTH_HINTS: "1", DOCKER_CLI_HINTS: "false" })).toBe(false);
  });
});
