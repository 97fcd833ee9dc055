import type { ContainerRecord } from "../record.ts";
import type { StreamsHost } from "../streams-contract.ts";
import type { ContainerOutput } from "./container-output.ts";

export class Forwarding {
  constructor(_host: StreamsHost) {}
  async begin(_record: ContainerRecord, _output: ContainerOutput): Promise<void> {}
  resume(_record: ContainerRecord, _output: ContainerOutput): void {}
  remove(_id: string): void {}
  async close(): Promise<void> {}
}
