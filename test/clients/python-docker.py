"""What Python programs do with the docker library (docker-py). DOCKER_HOST tells which engine, IMAGE a small image that
is there; TLS_HOST is the same engine's address for those with a certificate, CERTIFICATES where these are.

Each test reports a line in TAP on standard output.
"""

import io
import os
import sys
import tarfile
import threading
import time
import traceback

import docker
import requests
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound

IMAGE = os.environ["IMAGE"]
TESTS = []
client = docker.from_env(timeout=30)


def test(name):
    def declare(function):
        TESTS.append((name, function))
        return function

    return declare


def sleeper(**options):
    return client.containers.run(IMAGE, ["sleep", "600"], detach=True, init=True, **options)


def tar_of(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def fails(kind, function, *args, **options):
    try:
        function(*args, **options)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


@test("ping, version, info and disk usage")
def _():
    assert client.ping() is True
    assert client.version()["Os"] == "linux"
    assert client.info()["Images"] >= 1
    assert isinstance(client.df()["Images"], list)
    assert client.api._version != ""


@test("run gives the output, or the error with its status")
def _():
    assert client.containers.run(IMAGE, ["echo", "hello"], remove=True) == b"hello\n"
    assert client.containers.run(IMAGE, "echo from a string", remove=True) == b"from a string\n"
    both = client.containers.run(IMAGE, ["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=True, remove=True)
    assert sorted(both.splitlines()) == [b"err", b"out"], both
    error = fails(ContainerError, client.containers.run, IMAGE, ["sh", "-c", "echo no >&2; exit 3"], remove=True)
    assert error.exit_status == 3 and error.stderr == b"no\n", (error.exit_status, error.stderr)
    fails(ImageNotFound, client.containers.create, "not:there")


@test("a container's whole life")
def _():
    container = sleeper(name="python-life", labels={"life": "1"}, environment={"A": "b"}, mem_limit="64m")
    try:
        assert container.status == "created"
        container.reload()
        assert container.status == "running" and container.name == "python-life"
        assert container.attrs["HostConfig"]["Memory"] == 64 << 20
        assert [one.id for one in client.containers.list(filters={"label": "life=1"})] == [container.id]
        container.pause()
        container.reload()
        assert container.status == "paused"
        container.unpause()
        container.rename("python-renamed")
        container.restart(timeout=0)
        assert client.containers.get("python-renamed").status == "running"
        container.update(mem_limit="128m", memswap_limit="256m")
        assert any("sleep 600" in " ".join(row) for row in container.top()["Processes"])
        container.stop(timeout=0)
        assert container.wait()["StatusCode"] in (137, 143)
        assert client.containers.list(filters={"label": "life=1"}) == []
    finally:
        container.remove(force=True)
    error = fails(NotFound, client.containers.get, "python-renamed")
    assert error.status_code == 404 and "No such container: python-renamed" in error.explanation


@test("logs come as a stream of lines, with times and from the end")
def _():
    container = client.containers.run(IMAGE, ["sh", "-c", "seq 1 3; sleep 0.3; echo last"], detach=True)
    try:
        assert list(container.logs(stream=True, follow=True)) == [b"1\n", b"2\n", b"3\n", b"last\n"]
        assert container.logs(tail=2) == b"3\nlast\n"
        stamped = container.logs(timestamps=True, tail=1)
        assert stamped.endswith(b"Z last\n") and stamped[:2] == b"20", stamped
        assert container.logs(since=int(time.time()) + 1000) == b""
        assert container.logs(until=int(time.time()) + 1000, stderr=False).count(b"\n") == 4
    finally:
        container.remove(force=True)


@test("attach by its stream, and by its socket with input")
def _():
    container = client.containers.create(IMAGE, ["sh", "-c", "read line; echo got $line"], stdin_open=True)
    try:
        output = container.attach(stream=True, stdout=True, stderr=True)
        socket = container.attach_socket(params={"stdin": 1, "stream": 1})
        container.start()
        socket._sock.sendall(b"a line\n")
        assert container.wait()["StatusCode"] == 0
        assert b"".join(output) == b"got a line\n"
        socket.close()
    finally:
        container.remove(force=True)


@test("exec, apart, streamed and by its socket")
def _():
    container = sleeper()
    try:
        code, output = container.exec_run(["sh", "-c", "echo $A; pwd; id -un"], environment={"A": "b"}, workdir="/tmp", user="nobody")
        assert (code, output) == (0, b"b\n/tmp\nnobody\n"), output
        code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True)
        assert (code, out, err) == (5, b"out\n", b"err\n")
        _, stream = container.exec_run(["sh", "-c", "echo one; sleep 0.2; echo two"], stream=True)
        assert b"".join(stream) == b"one\ntwo\n"
        _, stream = container.exec_run(["sh", "-c", "echo out; echo err >&2"], stream=True, demux=True)
        pieces = list(stream)
        assert sorted(out or err for out, err in pieces) == [b"err\n", b"out\n"], pieces
        code, output = container.exec_run("tty", tty=True)
        assert code == 0 and output.startswith(b"/dev/pts/") and output.endswith(b"\r\n"), output
        _, socket = container.exec_run(["cat"], stdin=True, socket=True)
        socket._sock.sendall(b"through the socket\n")
        socket._sock.shutdown(1)
        data = b""
        while chunk := socket._sock.recv(4096):
            data += chunk
        assert data[8:] == b"through the socket\n", data
        container.exec_run(["touch", "/tmp/detached"], detach=True)
        waiting = "until test -f /tmp/detached; do sleep 0.05; done"
        assert container.exec_run(["timeout", "10", "sh", "-c", waiting]).exit_code == 0
        code, output = container.exec_run(["/no/such/program"])
        assert code in (126, 127), (code, output)
    finally:
        container.remove(force=True)


@test("build from a context, from a file object, and a build that fails")
def _():
    context = tar_of({"Dockerfile": f"FROM {IMAGE}\nARG WHO\nCOPY file /file\nRUN echo built for $WHO\n".encode(), "file": b"content"})
    image, logs = client.images.build(
        fileobj=io.BytesIO(context), custom_context=True, tag="python:built", buildargs={"WHO": "you"}, labels={"a": "b"}, rm=True, nocache=True
    )
    text = "".join(line.get("stream", "") for line in logs)
    assert "built for you\n" in text and "Successfully tagged python:built" in text, text
    assert image.labels["a"] == "b" and "python:built" in image.tags
    assert client.containers.run(image, ["cat", "/file"], remove=True) == b"content"
    plain, _ = client.images.build(fileobj=io.BytesIO(f"FROM {IMAGE}\nENV A=b\n".encode()), rm=True)
    assert "A=b" in plain.attrs["Config"]["Env"]
    error = fails(BuildError, client.images.build, fileobj=io.BytesIO(f"FROM {IMAGE}\nRUN exit 7\n".encode()), rm=True)
    assert "non-zero code: 7" in error.msg, error.msg
    progress = client.api.build(fileobj=io.BytesIO(f"FROM {IMAGE}\nENV A=c\n".encode()), decode=True, rm=True)
    assert any("aux" in line for line in progress)


@test("images are listed, tagged, saved, loaded, imported and removed")
def _():
    image = client.images.get(IMAGE)
    assert image.tag("python", "kept")
    saved = b"".join(client.images.get("python:kept").save(named="python:kept"))
    client.images.remove("python:kept")
    fails(ImageNotFound, client.images.get, "python:kept")
    loaded = client.images.load(saved)
    assert [one.tags for one in loaded][0].count("python:kept") == 1
    assert client.images.list(name="python:kept")[0].id == image.id
    assert image.history()[0]["Id"] == image.id
    container = client.containers.run(IMAGE, ["sh", "-c", "echo x > /made"], detach=True)
    container.wait()
    assert {"Path": "/made", "Kind": 1} in container.diff()
    kept = container.commit(repository="python", tag="committed", message="by a test")
    assert client.containers.run(kept, ["cat", "/made"], remove=True) == b"x\n"
    exported = b"".join(container.export())
    container.remove()
    imported = client.api.import_image_from_data(exported, repository="python", tag="imported")
    assert "sha256:" in imported
    for tag in ("kept", "committed", "imported"):
        client.images.remove(f"python:{tag}", force=True)


@test("archives into and out of a container")
def _():
    container = client.containers.create(IMAGE, ["true"])
    try:
        assert container.put_archive("/tmp", tar_of({"dir/file": b"in it", "other": b"x"})) is True
        stream, stat = container.get_archive("/tmp/dir/file")
        assert stat["name"] == "file" and stat["size"] == 5
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            assert tar.extractfile("file").read() == b"in it"
        fails(NotFound, container.get_archive, "/nowhere")
    finally:
        container.remove(force=True)


@test("networks")
def _():
    network = client.networks.create("python-net", driver="bridge", labels={"a": "b"}, check_duplicate=True)
    container = sleeper(network="python-net", name="python-on-net")
    try:
        network.reload()
        assert [one.id for one in network.containers] == [container.id]
        other = client.networks.create("python-second", ipam=docker.types.IPAMConfig(
            pool_configs=[docker.types.IPAMPool(subnet="10.211.7.0/24", gateway="10.211.7.1")]))
        other.connect(container, aliases=["alias"], ipv4_address="10.211.7.9")
        container.reload()
        assert container.attrs["NetworkSettings"]["Networks"]["python-second"]["IPAddress"] == "10.211.7.9"
        other.disconnect(container)
        other.remove()
        assert fails(APIError, network.remove).status_code == 403
        assert [one.name for one in client.networks.list(filters={"label": "a=b"})] == ["python-net"]
    finally:
        container.remove(force=True)
        network.remove()
    fails(NotFound, client.networks.get, "python-net")


@test("volumes, mounts and ports")
def _():
    volume = client.volumes.create("python-volume", labels={"a": "b"})
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo kept > /data/file"], volumes={"python-volume": {"bind": "/data", "mode": "rw"}}, remove=True)
        mount = docker.types.Mount("/data", "python-volume", read_only=True)
        assert client.containers.run(IMAGE, ["cat", "/data/file"], mounts=[mount], remove=True) == b"kept\n"
        assert [one.name for one in client.volumes.list(filters={"label": "a=b"})] == ["python-volume"]
    finally:
        volume.remove()
    fails(NotFound, client.volumes.get, "python-volume")
    container = client.containers.create(IMAGE, ["sleep", "600"], ports={"80/tcp": None, "81/udp": ("127.0.0.1", None)}, init=True)
    container.start()
    container.reload()
    ports = container.ports
    container.remove(force=True)
    assert int(ports["80/tcp"][0]["HostPort"]) > 0 and ports["81/udp"][0]["HostIp"] == "127.0.0.1", ports


@test("events, past and live")
def _():
    since = int(time.time())
    seen = []
    live = client.events(decode=True, filters={"label": "watched=yes"})
    reader = threading.Thread(target=lambda: seen.extend(event["Action"] for event in take_until(live, "destroy")))
    reader.start()
    client.containers.run(IMAGE, ["true"], labels={"watched": "yes"}, remove=True)
    reader.join(timeout=20)
    assert [action for action in seen if action in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"], seen
    past = list(client.events(since=since, until=int(time.time()) + 1, decode=True, filters={"label": "watched=yes", "event": "die"}))
    assert [event["Actor"]["Attributes"]["exitCode"] for event in past] == ["0"]


def take_until(events, action):
    for event in events:
        yield event
        if event["Action"] == action:
            events.close()
            return


@test("stats once and as a stream")
def _():
    container = sleeper()
    try:
        once = container.stats(stream=False)
        assert once["memory_stats"]["usage"] > 0 and once["precpu_stats"]["cpu_usage"]["total_usage"] > 0
        first = next(container.stats(decode=True))
        assert first["id"] == container.id
    finally:
        container.remove(force=True)


@test("health, restart policy and the other words of a container")
def _():
    health = {"test": ["CMD", "true"], "interval": 200_000_000, "timeout": 1_000_000_000, "retries": 3}
    container = sleeper(
        healthcheck=health,
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
        cap_drop=["CHOWN"],
        extra_hosts={"somewhere": "10.9.8.7"},
        tmpfs={"/scratch": "size=1m"},
        ulimits=[docker.types.Ulimit(name="nofile", soft=512, hard=512)],
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        dns=["10.1.2.3"],
        hostname="its-name",
        read_only=True,
    )
    try:
        for _ in range(100):
            container.reload()
            if container.attrs["State"]["Health"]["Status"] == "healthy":
                break
            time.sleep(0.05)
        assert container.attrs["State"]["Health"]["Status"] == "healthy"
        script = "hostname; ulimit -n; grep -c somewhere /etc/hosts; touch /x"
        _, (out, err) = container.exec_run(["sh", "-c", script], demux=True)
        assert out == b"its-name\n512\n1\n" and b"Read-only file system" in err, (out, err)
    finally:
        container.remove(force=True)


@test("TCP with TLS on both sides")
def _():
    def there(who):
        files = {name: os.path.join(os.environ["CERTIFICATES"], name) for name in (f"{who}-cert.pem", f"{who}-key.pem", "ca.pem")}
        tls = docker.tls.TLSConfig(client_cert=(files[f"{who}-cert.pem"], files[f"{who}-key.pem"]), ca_cert=files["ca.pem"], verify=True)
        return docker.DockerClient(base_url=os.environ["TLS_HOST"], tls=tls, version="1.41")

    remote = there("client")
    assert remote.containers.run(IMAGE, ["echo", "far away"], remove=True) == b"far away\n"
    container = sleeper()
    try:
        _, socket = remote.containers.get(container.id).exec_run(["head", "-n", "1"], stdin=True, socket=True)
        socket.sendall(b"through TLS\n")
        data = b""
        while chunk := socket.recv(4096):
            data += chunk
        assert data[8:] == b"through TLS\n", data
    finally:
        container.remove(force=True)
    fails(requests.exceptions.ConnectionError, there("stranger").ping)


@test("prune")
def _():
    container = client.containers.create(IMAGE, ["true"], labels={"prune": "me"})
    assert client.containers.prune(filters={"label": "prune=me"})["ContainersDeleted"] == [container.id]
    client.networks.create("python-unused", labels={"prune": "me"})
    assert client.networks.prune(filters={"label": "prune=me"})["NetworksDeleted"] == ["python-unused"]
    client.volumes.create("python-unused", labels={"prune": "me"})
    client.volumes.prune(filters={"label": "prune=me"})
    assert isinstance(client.images.prune()["SpaceReclaimed"], int)


@test("errors carry their status and Docker's words")
def _():
    container = sleeper(name="python-conflict")
    try:
        error = fails(APIError, client.containers.create, IMAGE, name="python-conflict")
        assert error.status_code == 409 and error.is_client_error(), error
        assert error.explanation.startswith('Conflict. The container name "/python-conflict" is already in use by container'), error
        assert fails(APIError, container.remove).status_code == 409
        assert fails(NotFound, client.networks.get, "nothing").explanation == "network nothing not found"
        assert fails(NotFound, client.volumes.get, "nothing").explanation == "get nothing: no such volume"
        assert fails(APIError, client.containers.create, IMAGE, mem_limit=1).status_code == 400
        # Started already: no error, by the API's own rule.
        container.start()
    finally:
        container.remove(force=True)


@test("swarm answers in Docker's words")
def _():
    for ask in (client.services.list, client.nodes.list, client.secrets.list, client.configs.list, client.swarm.reload):
        error = fails(APIError, ask)
        assert error.status_code == 503 and error.explanation.startswith("This node is not a swarm manager."), error


def main():
    failures = 0
    for number, (name, function) in enumerate(TESTS, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except BaseException:
            failures += 1
            print(f"not ok {number} - {name}\n{traceback.format_exc()}  ...", flush=True)
    sys.exit(1 if failures else 0)


main()
