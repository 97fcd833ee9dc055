/** Signatures of Docker Content Trust are not verified or made. @throws where somebody relies on them. */
export function checkContentTrust(flags: { readonly "disable-content-trust": boolean }): void {
  if (!flags["disable-content-trust"])
    throw new Error("--disable-content-trust=false: content trust is not supported");
}
