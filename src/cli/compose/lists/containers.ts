import type { observe } from "../../../compose/index.ts";
import { containerList } from "../../lists/containers.ts";
import type { ListKind } from "../../show/format.ts";

/** `compose ps`: a container's own fields, and those that make it one of a project. */
export function serviceContainerList(short: boolean): ListKind<observe.ContainerEntry> {
  const own = containerList(short);
  const fields: Record<string, ListKind<observe.ContainerEntry>["fields"][string]> = {};
  for (const [name, field] of Object.entries(own.fields)) {
    fields[name] =
      field.length > 1
        ? ({ summary }, argument) => field(summary, argument!)
        : ({ summary }) => field(summary);
  }
  const { Platform: _, ...kept } = fields;
  return {
    typeName: "*formatter.ContainerContext",
    titles: {
      ...own.titles,
      ID: "CONTAINER ID",
      Name: "NAME",
      Service: "SERVICE",
      Project: "PROJECT",
      Health: "HEALTH",
      ExitCode: "EXIT CODE",
    },
    fields: {
      ...kept,
      Name: ({ name }) => name,
      Project: ({ project }) => project,
      Service: ({ service }) => service,
      Health: ({ health }) => health,
      ExitCode: ({ exitCode }) => exitCode,
      Publishers: ({ publishers }) => publishers,
    },
  };
}

const TABLE =
  "table {{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}";

/** `table` alone stands for the usual table. */
export function serviceContainerFormat(format: string): string {
  return format === "" || format === "table" ? TABLE : format;
}
