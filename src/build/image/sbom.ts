import { type Digest, digestHex, VERSION } from "../../lib/index.ts";
import type { PackageList } from "../packages/list-packages.ts";
import { type Package, packageUrl } from "../packages/package.ts";

export interface SbomFacts {
  readonly imageId: Digest;
  readonly names: readonly string[];
  readonly found: PackageList;
  readonly createdMs: number;
}

/** An in-toto statement with what an image is made of, as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/). */
export function sbomStatement({ imageId, names, found, createdMs }: SbomFacts): string {
  const hex = digestHex(imageId);
  const packages = found.packages.map(describe);
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: (names.length === 0 ? ["_"] : names).map((name) => ({ name, digest: { sha256: hex } })),
    predicateType: "https://spdx.dev/Document",
    predicate: {
      spdxVersion: "SPDX-2.3",
      dataLicense: "CC0-1.0",
      SPDXID: "SPDXRef-DOCUMENT",
      name: names[0] ?? imageId,
      documentNamespace: `urn:berth:sbom:${hex}`,
      creationInfo: {
        created: new Date(createdMs).toISOString().replace(/\.\d+Z$/, "Z"),
        creators: [`Tool: berth-${VERSION}`],
        ...(found.isWhole ? {} : { comment: "The image has more than was looked at." }),
      },
      packages,
      relationships: packages.map(({ SPDXID }) => ({
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: SPDXID,
      })),
    },
  });
}

function describe(found: Package, index: number) {
  const { name, version, license, supplier, path } = found;
  return {
    SPDXID: `SPDXRef-Package-${index}`,
    name,
    versionInfo: version,
    // What packages say of their licenses is in no fixed words.
    licenseConcluded: "NOASSERTION",
    licenseDeclared: /^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$/.test(license)
      ? license
      : "NOASSERTION",
    copyrightText: "NOASSERTION",
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    ...(supplier === "" ? {} : { supplier: `Organization: ${supplier}` }),
    sourceInfo: `from ${path}`,
    externalRefs: [
      { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: packageUrl(found) },
    ],
  };
}
