/** A template that cannot be read or executed; the message is that of Go's `text/template`. */
export class TemplateError extends Error {}
