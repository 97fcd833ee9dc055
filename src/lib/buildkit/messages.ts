import { decodeFields, Writer } from "./proto.ts";

/** A message of a few texts and bytes. */
function encode(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}

/** `BytesMessage` of FileSend and SSH, and `GetSecretResponse`: bytes in field 1. */
export const encodeBytes = (data: Uint8Array) => encode((writer) => writer.bytes(1, data));
export const decodeBytes = (message: Uint8Array) => decodeFields(message).bytes(1);

/** `GetSecretRequest`, `CheckAgentRequest`, `CredentialsRequest`: a name in field 1. */
export const encodeName = (name: string) => encode((writer) => writer.text(1, name));
export const decodeName1 = (message: Uint8Array) => decodeFields(message).text(1);

/** `CredentialsResponse`. Without a user's name the secret is an identity token. */
export interface RegistryCredentials {
  readonly username: string;
  readonly secret: string;
}

export const encodeCredentials = ({ username, secret }: RegistryCredentials) =>
  encode((writer) => {
    writer.text(1, username);
    writer.text(2, secret);
  });

export function decodeCredentials(message: Uint8Array): RegistryCredentials {
  const fields = decodeFields(message);
  return { username: fields.text(1), secret: fields.text(2) };
}

/** `HealthCheckResponse` that says SERVING. */
export const SERVING = Uint8Array.of(8, 1);
