import { buildExecutable } from "./lib/executable.ts";
import { EXECUTABLE, say } from "./lib/shell.ts";

await buildExecutable();
say(`Built ${EXECUTABLE}`);
