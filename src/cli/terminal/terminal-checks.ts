import type { ContainerCreateRequest } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { isTerminal, terminalSize } from "./tty.ts";

/** A container's terminal needs one here, where its input comes from. @throws with Docker's words. */
export function checkTerminal(_cli: Cli, attachStdin: boolean, tty: boolean): void {
  if (tty && attachStdin && !isTerminal(0)) throw new Error("the input device is not a TTY");
}

/** Tells the engine how large the terminal is from the first moment. */
export function withConsoleSize(request: ContainerCreateRequest): ContainerCreateRequest {
  if (request.Tty !== true) return request;
  const { rows, columns } = terminalSize();
  return rows === 0
    ? request
    : { ...request, HostConfig: { ...request.HostConfig, ConsoleSize: [rows, columns] } };
}
