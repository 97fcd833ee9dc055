/** A process that creates and starts a container, says so, and then waits to be killed. One argument: what to do, as JSON. */
import type { CreateRequest } from "../contract.ts";
import { openRuntimes } from "../runtimes.ts";

interface Order {
  readonly execRoot: string;
  readonly cgroupParent: string;
  readonly request: CreateRequest;
}

const { execRoot, cgroupParent, request } = JSON.parse(process.argv[2] ?? "") as Order;
const runtime = await openRuntimes({ execRoot, cgroupParent }).get(undefined);
const created = await runtime.create(request);
await runtime.start(request.id);
process.stdout.write(`${JSON.stringify(created)}\n`);
setInterval(() => {}, 1000);
