// Images as far as containers need them: import, save, load, tag, list, history, commit, remove; with the real client.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { IMAGE, startEngine } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect, engine } = useEngine();

describe("import", () => {
  test("a tar becomes an image, with changes to its configuration", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-import-"));
    const file = join(directory, "root.tar");
    writeFileSync(file, await busyboxRootTar({ marker: "imported\n" }));
    const changes = [
      "CMD cat /marker",
      "ENV COLOR=blue",
      "WORKDIR /tmp",
      "LABEL made=here",
      "EXPOSE 80/tcp",
      'ENTRYPOINT ["/bin/sh","-c"]',
    ];
    const id = await docker(
      "import",
      ...changes.flatMap((change) => ["-c", change]),
      "-m",
      "first",
      file,
      "images-import:v1",
    );
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    const config = JSON.parse(
      await docker("image", "inspect", "--format", "{{json .Config}}", "images-import:v1"),
    );
    expect(config).toMatchObject({
      WorkingDir: "/tmp",
      Labels: { made: "here" },
      Entrypoint: ["/bin/sh", "-c"],
    });
    expect(config.Env).toContain("COLOR=blue");
    expect(await docker("run", "--rm", "images-import:v1", "cat /marker")).toBe("imported");
    expect(await docker("history", "--format", "{{.Comment}}", "images-import:v1")).toBe("first");
    await docker("rmi", "images-import:v1");
    rmSync(directory, { recursive: true });
  });
});

describe("tag, images, rmi", () => {
  test("tags are names for one image, and the last one takes it away", async () => {
    const id = await docker("image", "inspect", "--format", "{{.Id}}", IMAGE);
    await docker("tag", IMAGE, "images-tag:a");
    await docker("tag", IMAGE, "localhost:5000/images/tag:b");
    const listed = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
    expect(listed).toContain("images-tag:a");
    expect(listed).toContain("localhost:5000/images/tag:b");
    expect(await docker("images", "-q", "--no-trunc", "images-tag:a")).toBe(id);
    expect(await docker("rmi", "images-tag:a")).toBe("Untagged: images-tag:a");
    await docker("rmi", "localhost:5000/images/tag:b");
    expect(await docker("images", "-q", "images-tag")).toBe("");
  });

  test("an image that a container uses stays", async () => {
    const source = await docker("create", IMAGE);
    await docker("commit", source, "images-used:a");
    const container = await docker("create", "images-used:a", "true");
    const refused = await dockerResult(["rmi", "images-used:a"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("conflict: unable to remove repository reference");
    await docker("rm", container, source);
    await docker("rmi", "images-used:a");
  });

  test("names that can't be", async () => {
    expect((await dockerResult(["tag", IMAGE, "Upper/Case"])).stderr).toContain("must be lowercase");
    expect((await dockerResult(["tag", "images-none", "x"])).stderr).toContain(
      "No such image: images-none:latest",
    );
    expect((await dockerResult(["image", "inspect", "images-none"])).stderr).toContain(
      "No such image: images-none",
    );
  });
});

describe("save and load", () => {
  test("an image travels to another engine with its id", async () => {
    await using other = await startEngine({ withoutImage: true });
    const directory = mkdtempSync(join(tmpdir(), "berth-save-"));
    const file = join(directory, "saved.tar");
    const id = await docker("image", "inspect", "--format", "{{.Id}}", IMAGE);
    await docker("save", "-o", file, IMAGE);
    const loaded = await other.docker(["load", "-i", file]);
    expect(loaded.stdout).toContain(`Loaded image: ${IMAGE}`);
    expect((await other.docker(["image", "inspect", "--format", "{{.Id}}", IMAGE])).stdout.trim()).toBe(id);
    expect((await other.docker(["run", "--rm", IMAGE, "echo", "alive"])).stdout).toBe("alive\n");
    rmSync(directory, { recursive: true });
  });

  test("what is no image archive is refused", async () => {
    const result = await dockerResult(["load"], { stdin: "this is not a tar" });
    expect(result.code).toBe(1);
    expect(await docker("images", "-q", "--filter", "dangling=true")).toBe("");
  });
});

describe("commit", () => {
  test("a configuration that is null or not there is the container's", async () => {
    const container = await docker("create", "--name", "images-commit", "-e", "OF=commit", IMAGE, "true");
    const json = { "Content-Type": "application/json" };
    for (const request of [
      { method: "POST", headers: json, body: "null" },
      { method: "POST", headers: json },
      { method: "POST" },
    ]) {
      const url = `http://localhost/v1.41/commit?container=${container}&repo=images-null`;
      const response = await fetch(url, { ...request, unix: engine().socket });
      expect({ ...request, status: response.status }).toMatchObject({ status: 201 });
      expect(
        await docker("image", "inspect", "-f", "{{.Config.Cmd}} {{.Config.Env}}", "images-null"),
      ).toMatch(/^\[true\] \[.*OF=commit.*\]$/);
    }
    await docker("rm", "images-commit");
  });

  test("a container's changes become a layer, with a new configuration", async () => {
    const container = await docker("run", "-d", IMAGE, "sh", "-c", "echo committed > /result; rm /etc/group");
    await docker("wait", container);
    const id = await docker(
      "commit",
      "-a",
      "somebody",
      "-m",
      "a step",
      "-c",
      'CMD ["cat","/result"]',
      container,
      "images-commit:v1",
    );
    expect(await docker("run", "--rm", "images-commit:v1")).toBe("committed");
    expect((await dockerResult(["run", "--rm", "images-commit:v1", "cat", "/etc/group"])).code).toBe(1);
    expect(await inspect("images-commit:v1", "{{.Id}} {{.Author}} {{.Comment}}")).toBe(
      `${id} somebody a step`,
    );
    expect((await docker("history", "-q", "images-commit:v1")).split("\n").length).toBe(2);
    await docker("rm", container);
    await docker("rmi", "images-commit:v1");
  });
});
