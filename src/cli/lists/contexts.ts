import type { ListKind } from "../show/format.ts";

/** A line of `berth context ls`. */
export interface ContextRow {
  readonly name: string;
  readonly current: boolean;
  readonly description: string;
  readonly endpoint: string;
  readonly error: string;
}

/** Of an error, as much as Docker's client shows. */
const ERROR_LENGTH_MAX = 45;

export const CONTEXT_LIST: ListKind<ContextRow> = {
  typeName: "*formatter.clientContextContext",
  titles: {
    Name: "NAME",
    Current: "",
    Description: "DESCRIPTION",
    DockerEndpoint: "DOCKER ENDPOINT",
    Error: "ERROR",
  },
  fields: {
    Current: ({ current }) => current,
    Description: ({ description }) => description,
    DockerEndpoint: ({ endpoint }) => endpoint,
    Error: ({ error }) => {
      const text = error.replaceAll("\n", " ");
      return text.length > ERROR_LENGTH_MAX ? `${text.slice(0, ERROR_LENGTH_MAX - 1)}…` : text;
    },
    Name: ({ name }) => name,
  },
};

export function contextFormat(format: string, quiet: boolean): string {
  if (quiet) return "{{.Name}}";
  return format === "" || format === "table"
    ? "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}"
    : format;
}
