/** What `--format` says of itself, for the commands that list things. */
export const FORMAT_HELP =
  "How to print: 'table', 'table TEMPLATE', 'json', 'yaml', or a Go template such as '{{.ID}}'";

/** What `--format` says of itself, for the commands that show one thing. */
export const SHOW_FORMAT_HELP = "How to print: 'json', 'yaml', or a Go template such as '{{.ID}}'";
