import type { ContainerSummary } from "../../wire/index.ts";
import { containerList } from "../lists/containers.ts";
import { methods, Template } from "../template/index.ts";

const EMPTY: ContainerSummary = {
  Id: "",
  Names: [],
  Image: "",
  ImageID: "",
  Command: "",
  Created: 0,
  Ports: [],
  Labels: {},
  State: "created",
  Status: "",
  HostConfig: {},
  NetworkSettings: {},
  Mounts: [],
};

/** Finds mistakes in a format of `ps` also where there is no container to show. @throws as Docker's client. */
export function checkContainerFormat(format: string): void {
  const { typeName, fields } = containerList(true);
  const template = attempt("failed to parse template", () => new Template(format));
  attempt("failed to execute template", () => template.execute(methods(typeName, fields)(EMPTY)));
}

function attempt<T>(introduction: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${introduction}: ${(error as Error).message}`, { cause: error });
  }
}
