// docker-modem, the transport below dockerode, used by itself. What is done with it is in packages/docker-modem.mjs.

import { IMAGE } from "../support/engine.ts";
import { freePort } from "../support/free-port.ts";
import { nodeTests } from "../support/node-client.ts";
import { useEngine } from "../support/suite.ts";

const TCP = `tcp://127.0.0.1:${freePort()}`;
const { engine } = useEngine({ args: ["-H", TCP] });

nodeTests("docker-modem.mjs", engine, () => ({ IMAGE, TCP }));
