/** What to do about a message, where that is known. `$1` and so on stand for what the pattern has found. */
export interface HintRule {
  readonly pattern: RegExp;
  readonly hints: readonly string[];
}

/**
 * The errors that people meet most, by Docker's words for them (an engine's may be Docker's own), and what helps. Commands
 * are whole: what stands there can be typed.
 */
export const HINT_RULES: readonly HintRule[] = [
  {
    pattern: /permission denied while trying to connect to the berth daemon socket/,
    hints: ["sudo usermod -aG berth $USER, then log in again; or use sudo"],
  },
  {
    pattern: /^Cannot connect to the berth daemon at (unix:\S+)/m,
    hints: ["berth doctor looks at what is missing, and at -H, DOCKER_HOST and contexts: berth -D version"],
  },
  {
    pattern: /Invalid container name \(.?\),/,
    hints: ["a name has two characters at least"],
  },
  {
    pattern: /The container name "\/(\S+?)" is already in use/,
    hints: ["remove the old one: berth rm -f $1", "or take another name, or let it go by itself: run --rm"],
  },
  {
    pattern: /Bind for \S*?:(\d+) failed: port is already allocated/,
    hints: [
      "who has it: berth ps --filter publish=$1; ss -ltnp 'sport = :$1'",
      "any free port instead: -p CONTAINER_PORT",
    ],
  },
  {
    pattern:
      /exec: "([^"]+)": (?:executable file not found in \$PATH|no such file or directory|stat [^:]+: no such file)/,
    hints: [
      "the image has no $1; what it has: berth image explore IMAGE, or berth run --rm -it --entrypoint sh IMAGE",
      "options of berth stand before the image's name, not behind it",
    ],
  },
  {
    pattern: /no command specified/,
    hints: [
      "the image names no program (CMD, ENTRYPOINT): write one behind its name: berth run IMAGE PROGRAM",
    ],
  },
  {
    pattern: /exec: "([^"]+)": permission denied/,
    hints: [
      "$1 may not be executed: RUN chmod +x $1 in the Dockerfile, or a file system mounted with noexec",
    ],
  },
  {
    pattern: /exec format error/i,
    hints: [
      "the program is for another processor: pull the image with --platform, or let the kernel emulate it: apt-get install qemu-user-static",
      "a script needs a first line such as #!/bin/sh",
    ],
  },
  {
    pattern: /no space left on device/i,
    hints: [
      "what takes the room: berth system df -v",
      "give it back: berth system prune, berth image prune -a",
    ],
  },
  {
    pattern: /cannot remove (?:a running )?container "?\/?([^\s":]+)"?: container is running/,
    hints: ["berth rm -f $1, or berth stop $1 before"],
  },
  {
    pattern: /container (\w+) is using its referenced image/,
    hints: ["berth rm -f $1 before; or only the name: berth rmi -f"],
  },
  {
    pattern: /image is (?:being used|referenced) by (?:running|stopped) container (\w+)/,
    hints: ["remove the container before: berth rm -f $1"],
  },
  {
    pattern: /remove (\S+): volume is in use/,
    hints: ["who has it: berth ps -a --filter volume=$1"],
  },
  {
    pattern: /network (\S+) has active endpoints/,
    hints: ["who is in it: berth network inspect $1; take one out: berth network disconnect -f $1 CONTAINER"],
  },
  {
    pattern: /pull access denied for (\S+?),|manifest for (\S+) not found|manifest unknown/,
    hints: [
      "is the name right? berth search NAME",
      "of a registry that is not Docker Hub, the name begins with its address",
    ],
  },
  {
    pattern:
      /unauthorized|requested access to the resource is denied|may require ['"]?docker login|no basic auth credentials/,
    hints: [
      "berth login REGISTRY (none: Docker Hub); pushes go where the image's name says: berth tag IMAGE REGISTRY/NAME",
    ],
  },
  {
    pattern:
      /x509: certificate signed by unknown authority|certificate verify failed|self.signed certificate/,
    hints: [
      "put the registry's CA to /etc/docker/certs.d/HOST:PORT/ca.crt",
      'or, where you need no protection: "insecure-registries": ["HOST:PORT"] in /etc/berth/daemon.json, and systemctl reload berth',
    ],
  },
  {
    pattern: /server gave HTTP response to HTTPS client/,
    hints: ['"insecure-registries": ["HOST:PORT"] in /etc/berth/daemon.json, and systemctl reload berth'],
  },
  {
    pattern: /toomanyrequests/,
    hints: ["berth login raises the limit; a mirror avoids it: registry-mirrors in /etc/berth/daemon.json"],
  },
  {
    pattern: /no such host|temporary failure in name resolution|i\/o timeout|network is unreachable/,
    hints: [
      "the engine's machine does not reach that: berth doctor looks at name servers, firewalls and the clock",
    ],
  },
  {
    pattern: /[Cc]ontainer (\S+) is not running/,
    hints: ["how it ended: berth logs $1; again: berth start $1"],
  },
  {
    pattern: /repository name \((\S+)\) must be lowercase/,
    hints: ["names of images have no capital letters"],
  },
  {
    pattern: /bind source path does not exist: (\S+)/,
    hints: ["mkdir -p $1 on the engine's machine; -v makes it by itself, --mount does not"],
  },
  {
    pattern: /the input device is not a TTY/,
    hints: ["leave out -t where no person types: run -i, exec -i"],
  },
  {
    pattern: /failed to read dockerfile|unable to prepare context: unable to evaluate symlinks in Dockerfile/,
    hints: ["the last word is the folder, -f names the file in it: berth build -f path/Dockerfile FOLDER"],
  },
  {
    pattern: /(?:get|No such volume:?) (\S+?):? no such volume/,
    hints: ["berth volume ls"],
  },
  {
    pattern: /network (\S+) not found/,
    hints: ["berth network ls; make it: berth network create $1"],
  },
  {
    pattern: /Your kernel does not support|cgroup.*(?:not mounted|not found)|no such device or address/,
    hints: ["berth doctor tells what this machine lacks"],
  },
];
