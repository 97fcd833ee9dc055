import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GrpcError, GrpcStatus } from "./services.ts";

/** Messages that consist of a few texts and bytes: what each of their fields, by number, holds. */
type Fields = ReadonlyMap<number, Uint8Array>;

function encodeFields(fields: readonly (readonly [number, string | Uint8Array])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of fields) {
    if (value.length === 0) continue;
    writer.tag(field, WireType.LengthDelimited);
    if (typeof value === "string") writer.string(value);
    else writer.bytes(value);
  }
  return writer.finish();
}

function decodeFields(message: Uint8Array): Fields {
  const fields = new Map<number, Uint8Array>();
  try {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (wire === WireType.LengthDelimited) fields.set(field, reader.bytes());
      else reader.skip(wire, field);
    }
  } catch (error) {
    throw new GrpcError(GrpcStatus.internal, "malformed message", { cause: error });
  }
  return fields;
}

const textOf = (fields: Fields, field: number) => new TextDecoder().decode(fields.get(field));
const bytesOf = (fields: Fields, field: number) => fields.get(field) ?? new Uint8Array(0);

/** `BytesMessage` of FileSend and SSH, and `GetSecretResponse`: bytes in field 1. */
export const encodeBytes = (data: Uint8Array) => encodeFields([[1, data]]);
export const decodeBytes = (message: Uint8Array) => bytesOf(decodeFields(message), 1);

/** `GetSecretRequest`, `CheckAgentRequest`, `CredentialsRequest`: a name in field 1. */
export const encodeName = (name: string) => encodeFields([[1, name]]);
export const decodeName1 = (message: Uint8Array) => textOf(decodeFields(message), 1);

/** `CredentialsResponse`. Without a user's name the secret is an identity token. */
export interface RegistryCredentials {
  readonly username: string;
  readonly secret: string;
}

export const encodeCredentials = ({ username, secret }: RegistryCredentials) =>
  encodeFields([
    [1, username],
    [2, secret],
  ]);

export function decodeCredentials(message: Uint8Array): RegistryCredentials {
  const fields = decodeFields(message);
  return { username: textOf(fields, 1), secret: textOf(fields, 2) };
}

/** `HealthCheckResponse` that says SERVING. */
export const SERVING = Uint8Array.of(8, 1);
