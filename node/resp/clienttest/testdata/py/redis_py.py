"""redis-py, a pool of connections to one node."""
import time

import redis
from harness import NODES, ask, finish, refused, same, step, until

host, port = NODES[0]
client = redis.Redis(host=host, port=port, decode_responses=True, client_name="redis-py", health_check_interval=5)


@step("connect")
def _():
    assert client.ping()
    same(client.echo("hello"), "hello")
    same(client.client_getname(), "redis-py")
    assert client.info("server")["redis_version"]
    assert client.command_count() > 100
    assert client.client_list()
    same(client.config_get("databases"), {"databases": "1"})
    assert client.flushall()


@step("strings")
def _():
    assert client.set("s", "one", ex=100)
    same(client.set("s", "two", nx=True), None)
    same(client.set("s", "two", xx=True, get=True, keepttl=True), "one")
    assert client.ttl("s") > 90
    same(client.get("none"), None)
    same(client.append("s", "!"), 4)
    same(client.getrange("s", 0, 2), "two")
    same(client.setrange("s", 0, "T"), 4)
    same(client.strlen("s"), 4)
    same(client.setnx("s", "x"), False)
    assert client.setex("sx", 100, "v") and client.psetex("sx", 100_000, "w")
    same(client.getset("sx", "z"), "w")
    same([client.incr("n"), client.incrby("n", 41), client.decr("n", 2)], [1, 42, 40])
    same(client.incrbyfloat("n", 0.5), 40.5)
    assert client.mset({"a": 1, "b": 2})
    same(client.mget("a", "none", "b"), ["1", None, "2"])
    same(client.msetnx({"a": 3, "c": 4}), False)
    same(client.getdel("a"), "1")
    same(client.getex("b", px=60_000), "2")
    same(client.setbit("bits", 7, 1), 0)
    same([client.getbit("bits", 7), client.bitcount("bits")], [1, 1])
    raw = bytes(range(256))
    binary = redis.Redis(host=host, port=port)
    binary.set(raw, raw)
    same(binary.get(raw), raw)
    refused(redis.ResponseError, client.incr, "s")
    refused(redis.ResponseError, client.eval, "return 1", 0)
    refused(redis.ResponseError, client.hget, "s", "f")


@step("keys")
def _():
    client.mset({"k1": 1, "k2": 2})
    same(client.exists("k1", "k2", "none"), 2)
    same(client.type("k1"), "string")
    same([client.expire("k1", 100), client.expire("k1", 50, gt=True)], [True, False])
    assert client.pttl("k1") > 90_000
    assert client.persist("k1")
    assert client.pexpireat("k1", int(time.time() * 1000) + 60_000)
    assert client.expiretime("k1") > time.time()
    assert client.rename("k1", "k3")
    same(client.renamenx("k3", "k2"), False)
    assert client.copy("k2", "k4")
    same(client.touch("k2", "k3"), 2)
    same(sorted(client.keys("k?")), ["k2", "k3", "k4"])
    same(client.object("encoding", "k2"), "int")
    same([client.unlink("k2", "k3"), client.delete("k4")], [2, 1])
    assert client.randomkey() is not None
    assert client.dbsize() > 0


@step("hashes")
def _():
    same(client.hset("h", mapping={"f": 1, "g": "x", "i": "y"}), 3)
    same(client.hgetall("h"), {"f": "1", "g": "x", "i": "y"})
    same(client.hmget("h", "f", "none"), ["1", None])
    same([client.hincrby("h", "f", 4), client.hincrbyfloat("h", "f", 0.5)], [5, 5.5])
    same(client.hsetnx("h", "f", 1), 0)
    same([client.hexists("h", "g"), client.hdel("h", "i")], [True, 1])
    same([sorted(client.hkeys("h")), sorted(client.hvals("h")), client.hlen("h")], [["f", "g"], ["5.5", "x"], 2])
    assert client.hrandfield("h") in ("f", "g")


@step("field expiry", family="hexpire")
def _():
    client.hset("hx", mapping={"f": 1, "g": 2})
    same(client.execute_command("HEXPIRE", "hx", 100, "FIELDS", 2, "f", "none"), [1, -2])
    same(client.execute_command("HTTL", "hx", "FIELDS", 1, "g"), [-1])


@step("sets")
def _():
    same([client.sadd("set", "a", "b", "c"), client.srem("set", "c")], [3, 1])
    same([client.sismember("set", "a"), client.smismember("set", ["a", "c"])], [True, [1, 0]])
    client.sadd("other", "b", "z")
    same([client.sunion("set", "other"), client.sinter("set", "other")], [{"a", "b", "z"}, {"b"}])
    same(client.sdiffstore("diff", "set", "other"), 1)
    assert client.smove("set", "diff", "b")
    same(client.smembers("diff"), {"a", "b"})
    same([client.srandmember("set"), client.spop("set"), client.scard("set")], ["a", "a", 0])


@step("sorted sets")
def _():
    same(client.zadd("z", {"a": 1, "b": 2.5, "c": 3}), 3)
    same(client.zrange("z", 0, -1, withscores=True), [("a", 1.0), ("b", 2.5), ("c", 3.0)])
    same(client.zrangebyscore("z", "(1", "+inf", start=0, num=1), ["b"])
    same(client.zrange("z", 0, 0, desc=True), ["c"])
    same([client.zscore("z", "b"), client.zmscore("z", ["a", "none"])], [2.5, [1.0, None]])
    same([client.zincrby("z", 1, "b"), client.zadd("z", {"b": 1}, gt=True, incr=True)], [3.5, 4.5])
    same([client.zrank("z", "b"), client.zrevrank("z", "b"), client.zcount("z", 1, 3)], [2, 0, 2])
    client.zadd("y", {"a": 10})
    same(client.zunionstore("u", {"z": 1, "y": 2}), 3)
    same(client.zscore("u", "a"), 21.0)
    same(client.zinter(["z", "y"], withscores=True), [("a", 11.0)])
    same([client.zpopmax("z"), client.zremrangebyrank("z", 0, 0), client.zcard("z")], [[("b", 4.5)], 1, 1])


@step("lists", family="lpush")
def _():
    same([client.rpush("l", "b", "c"), client.lpush("l", "a")], [2, 3])
    same(client.lrange("l", 0, -1), ["a", "b", "c"])
    same([client.lindex("l", -1), client.linsert("l", "before", "b", "x")], ["c", 4])
    assert client.lset("l", 0, "A")
    same(client.lrem("l", 0, "x"), 1)
    assert client.ltrim("l", 0, 1)
    same([client.lpop("l"), client.rpop("l"), client.llen("l")], ["A", "b", 0])


@step("hyperloglog", family="pfadd")
def _():
    same([client.pfadd("pf", "a", "b", "c"), client.pfcount("pf")], [1, 3])
    client.pfadd("pg", "c", "d")
    assert client.pfmerge("ph", "pf", "pg")
    same(client.pfcount("ph"), 4)


@step("transactions")
def _():
    with client.pipeline() as p:
        same(p.set("t", 1).incr("t").get("t").execute(), [True, 2, "2"])
    client.set("t", 5)
    same(client.transaction(lambda p: (lambda n: (p.multi(), p.set("t", n + 1)))(int(p.get("t"))), "t"), [True])
    same(client.get("t"), "6")
    with client.pipeline() as p:
        p.watch("t")
        client.set("t", "changed")
        p.multi()
        p.set("t", "mine")
        refused(redis.WatchError, p.execute)


@step("pipelines")
def _():
    with client.pipeline(transaction=False) as p:
        for _ in range(500):
            p.incr("sum")
        same(p.execute(), list(range(1, 501)))
        p.get("sum").incr("s").get("none")
        got = p.execute(raise_on_error=False)
        same([got[0], got[2]], ["500", None])
        assert isinstance(got[1], redis.ResponseError)


@step("scan")
def _():
    client.mset({f"scan:{i}": "x" for i in range(300)})
    # SCAN may be a moment behind.
    until(lambda: same(len(set(client.scan_iter("scan:*", count=50, _type="string"))), 300))
    client.hset("big", mapping={f"f{i}": "x" for i in range(300)})
    same(len(dict(client.hscan_iter("big"))), 300)
    client.zadd("bigz", {f"m{i}": i for i in range(300)})
    same(len(dict(client.zscan_iter("bigz"))), 300)


@step("messages")
def _():
    far = redis.Redis(host=NODES[1][0], port=NODES[1][1], decode_responses=True)
    with far.pubsub() as listener:
        listener.subscribe("news")
        listener.psubscribe("n*")
        same([listener.get_message(timeout=5)["type"] for _ in range(2)], ["subscribe", "psubscribe"])

        def first():
            client.publish("news", "hello")
            got = listener.get_message(timeout=0.5)
            assert got, "nothing has come"
            return got

        got = [until(first), listener.get_message(timeout=5)]
        same(sorted((m["type"], m["channel"], m["data"]) for m in got), [("message", "news", "hello"), ("pmessage", "news", "hello")])
        listener.ping()
        same(listener.get_message(timeout=5)["type"], "pong")


@step("monitor")
def _():
    with client.monitor() as m:
        client.get("watched")
        for got in m.listen():
            if "watched" in got["command"]:
                break


@step("reconnect")
def _():
    client.set("kept", "through a restart")
    ask("stop 0")
    refused(redis.ConnectionError, client.get, "kept")
    ask("start 0")
    same(until(lambda: client.get("kept")), "through a restart")
    assert client.set("kept", "again")


finish()
