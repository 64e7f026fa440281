"""redis-py with several nodes: as a cluster, or with sentinels, by its argument."""
import sys

import redis
from harness import NODES, ask, finish, same, step, until
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

if sys.argv[1] == "cluster":
    client = RedisCluster(startup_nodes=[ClusterNode(*n) for n in NODES], decode_responses=True)
else:
    # It looks for its master by name among all, and there the name is the cluster's.
    client = Sentinel(NODES, socket_timeout=5).master_for("test", socket_timeout=5, decode_responses=True)

KEYS = [f"key:{i}" for i in range(50)]


@step("connect")
def _():
    assert client.ping()


@step("commands")
def _():
    for i, key in enumerate(KEYS):
        assert client.set(key, i)
    same([client.get(key) for key in KEYS], [str(i) for i in range(50)])
    same(client.hset("h", "f", 1), 1)
    same(client.zunion(["{t}a", "{t}b"]), [])
    same(client.mget("{t}a", "{t}b"), [None, None])


@step("pipelines")
def _():
    p = client.pipeline()
    for key in KEYS:
        p.get(key)
    same(p.execute(), [str(i) for i in range(50)])


@step("reconnect")
def _():
    ask("stop 0")
    for i, key in enumerate(KEYS):
        same(until(lambda: client.get(key)), str(i))
    assert until(lambda: client.set("k", "again"))


finish()
