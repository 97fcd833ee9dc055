import { buildPackage, PACKAGE } from "./lib/library/package.ts";
import { say } from "./lib/shell.ts";

await buildPackage();
say(`Built ${PACKAGE}`);
