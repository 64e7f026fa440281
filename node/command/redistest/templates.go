package redistest

import "strings"

// lists are words to draw from. Keys are named for what they usually hold; those
// of $lk hold sorted sets whose scores are all the same.
var lists = map[string][]string{
	"$k":    strings.Fields("s1 s2 s3 h1 h2 h3 t1 t2 t3 z1 z2 z3 q1 q2 q3 none"),
	"$lk":   strings.Fields("l1 l2"),
	"$set":  strings.Fields("t1 t1 t1 t2 t2 t3 t3 none z1"),
	"$zs":   strings.Fields("z1 z1 z1 z2 z2 z3 z3 t1 none h1"),
	"$ls":   strings.Fields("q1 q1 q1 q2 q2 q3 none t1"),
	"$pf":   strings.Fields("p1 p1 p1 p2 p2 p3 none"),
	"$p":    strings.Fields("p1 p2 p3"),
	"$e":    {"a", "b", "c", "a", "b", "a", "", "10", "an element with a longer name"},
	"$end":  {"LEFT", "RIGHT", "LEFT", "RIGHT", "left", "Right", "MIDDLE", ""},
	"$side": {"BEFORE", "AFTER", "before", "AFTER", "BESIDE"},
	"$f":    {"f", "g", "h", "i", "", "a field with a longer name"},
	"$m":    {"a", "b", "c", "d", "e", "aa", "ab", "", "z", "member\x00with\xffbytes", "10", "-7"},
	"$v":    {"v", "", "hello world", "10", "-3", "0", "9223372036854775807", "-9223372036854775808", "3.5", "1e3", "abc\r\n\x00\xff", " 5", "012", strings.Repeat("long", 30)},
	"$num":  {"1", "-1", "5", "100", "-20", "0", "2", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.5", "+1", " 1", "01", "-0"},
	"$x":    {"0.5", "-0.25", "1", "3", "-2", "1.75", "100", "0", "1e2", "5.0e1", ".5", "2.", "+1", "x", "", "1 ", "nan", "inf", "-inf"},

	"$score":     {"0", "1", "1", "2", "2.5", "-1", "3", "10", "-7.25", "inf", "-inf", "1e3", "+inf"},
	"$badfloat":  {"x", "", "nan", "1e400", "1.5x", "--1"},
	"$badbound":  {"x", "(x", "nan", "((1", "1 "},
	"$badlex":    {"-", "+", "-", "+", "", "a", "(", "[", "-a", "+1", "-+"},
	"$badint":    {"x", "", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01", "+1"},
	"$badcount":  {"x", "", "1.5", "-1", "9223372036854775807", "-9223372036854775808", "1000"},
	"$badsample": {"x", "", "1.5", "100", "-9223372036854775808"},
	"$badttl":    {"0", "-1", "-100000", "x", "", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "9223372036854776"},
	"$badat":     {"0", "1", "-1", "x", "9223372036854775807", "9223372036854776"},
	"$badoffset": {"x", "", "-1", "1.5", "9223372036854775807", "4294967296", "4611686018427387904"},
	"$bit":       {"0", "1", "1", "0", "1", "2", "-1", "x"},
	"$unit":      {"BYTE", "BIT", "bit", "BITE"},
	"$glob":      {"*", "a*", "?", "[a-c]*", "*[^a]", "f", "no", ""},
	"$cond":      {"NX", "XX", "GT", "LT"},
	"$w":         {"1", "2", "-1", "0", "0.5", "x", "inf"},
	"$agg":       {"SUM", "MIN", "MAX", "min", "AVG"},
	"$cursor":    {"0", "x", "18446744073709551616", "1.5"},
}

// templates are what commands are made of.
var templates = slicesOf(`
GET $s
GET $s
SET $s $v
SET $s $v
SET $k $v
DEL $k
SET $s $v EX $ttl
SET $s $v PX $ms
SET $s $v EXAT $at
SET $s $v PXAT $atms
SET $s $v KEEPTTL
SET $s $v NX
SET $s $v XX
SET $s $v GET
SET $s $v NX GET
SET $s $v XX GET EX $ttl
SET $s $v KEEPTTL GET
SET $s $v NX XX
SET $s $v EX $ttl PX $ms
SET $s $v EX $ttl EX $ttl
SETNX $s $v
SETNX $s $v
SETEX $s $ttl $v
PSETEX $s $ms $v
GETSET $s $v
GETDEL $s
GETEX $s
GETEX $s EX $ttl
GETEX $s PX $ms
GETEX $s EXAT $at
GETEX $s PXAT $atms
GETEX $s PERSIST
GETEX $s PERSIST EX $ttl
MGET ( $k )
MSET ( $s $v )
MSETNX ( $s $v )
MSETNX none $v
APPEND $s $v
APPEND $s $v
STRLEN $s
GETRANGE $s $i $i
GETRANGE $s $i $i
SUBSTR $s $i $i
SETRANGE $s $off $v
INCR $s
DECR $s
INCRBY $s $num
DECRBY $s $num
SET $s $num
INCRBYFLOAT $s $x
INCRBYFLOAT $s $x
SETBIT $s $off $bit
SETBIT $s $off $bit
GETBIT $s $off
BITCOUNT $s
BITCOUNT $s $i $i
BITCOUNT $s $i $i $unit
BITCOUNT $s $i
DEL ( $k )
DEL $k
DEL $k
DEL $k
DEL $k
DEL $k
UNLINK ( $k )
EXISTS ( $k )
TOUCH ( $k )
TYPE $k
EXPIRE $k $ttl
PEXPIRE $k $ms
EXPIREAT $k $at
PEXPIREAT $k $atms
EXPIRE $k $ttl $cond
PEXPIRE $k $ms $cond
EXPIREAT $k $at $cond
PEXPIREAT $k $atms $cond
EXPIRE $k $ttl $cond $cond
TTL $k
PTTL $k
EXPIRETIME $k
PEXPIRETIME $k
PERSIST $k
RENAME $k $k
RENAME $s $s
RENAME $h $h
RENAME $z $z
RENAME none $k
RENAMENX $t $t
RENAMENX $s $s
RENAMENX $s none
COPY $h $h
COPY $t $t
COPY $s $s REPLACE
COPY $z $z REPLACE
COPY $h none
COPY $z $z DB 0
COPY $k $k DB x
OBJECT ENCODING $k
OBJECT REFCOUNT $k
OBJECT IDLETIME $k
OBJECT FREQ none
OBJECT HELP
OBJECT nosuch $k
HSET $h ( $f $v )
HSET $h ( $f $v )
HMSET $h ( $f $v )
HSETNX $h $f $v
HGET $h $f
HMGET $h ( $f )
HGETALL $h
HKEYS $h
HVALS $h
HDEL $h ( $f )
HLEN $h
HSTRLEN $h $f
HEXISTS $h $f
HINCRBY $h $f $num
HINCRBY $h $f $num
HSET $h $f $num
HINCRBYFLOAT $h $f $x
HINCRBYFLOAT $h $f $x
HRANDFIELD $h
HRANDFIELD $h $nn
HRANDFIELD $h $nn WITHVALUES
HSCAN $h 0
HSCAN $h 0 MATCH $glob COUNT $i
HSCAN $h $cursor COUNT $i
SADD $t ( $m )
SADD $t ( $m )
SADD $t ( $m ) ( $m )
SREM $t ( $m )
SMEMBERS $t
SISMEMBER $t $m
SMISMEMBER $t ( $m )
SCARD $t
SPOP $t
SPOP $t $n
SRANDMEMBER $t
SRANDMEMBER $t $nn
SSCAN $t 0
SSCAN $t 0 MATCH $glob
SSCAN $t $cursor MATCH $glob COUNT $i
SMOVE $t $t $m
SMOVE $t $t $m
SINTER ( $set )
SINTERSTORE $t ( $set )
SINTERCARD 2 $set $set
SINTERCARD $n ( $set ) LIMIT $n
SINTERCARD 1 $set LIMIT $i
SUNION ( $set )
SUNIONSTORE $t ( $set )
SUNIONSTORE $k ( $set )
SDIFF ( $set )
SDIFFSTORE $t ( $set )
ZADD $z ( $sc $m )
ZADD $z ( $sc $m )
ZADD $z ( $sc $m ) ( $sc $m )
ZADD $z NX ( $sc $m )
ZADD $z XX ( $sc $m )
ZADD $z GT ( $sc $m )
ZADD $z LT CH ( $sc $m )
ZADD $z CH ( $sc $m )
ZADD $z XX GT CH ( $sc $m )
ZADD $z NX GT ( $sc $m )
ZADD $z NX XX ( $sc $m )
ZADD $z GT LT $sc $m
ZADD $z INCR $sc $m
ZADD $z NX INCR $sc $m
ZADD $z XX INCR $sc $m
ZADD $z GT INCR $sc $m
ZADD $z INCR ( $sc $m )
ZREM $z ( $m )
ZSCORE $z $m
ZMSCORE $z ( $m )
ZINCRBY $z $sc $m
ZINCRBY $z $sc $m
ZCARD $z
ZRANK $z $m
ZREVRANK $z $m
ZPOPMIN $z
ZPOPMAX $z
ZPOPMIN $z $n
ZPOPMAX $z $n
ZMPOP 1 $z MIN
ZMPOP 2 $zs $zs MAX COUNT $n
ZMPOP $n ( $zs ) MIN
ZRANDMEMBER $z
ZRANDMEMBER $z $nn
ZRANDMEMBER $z $nn WITHSCORES
ZSCAN $z 0
ZSCAN $z 0 MATCH $glob COUNT $i
ZSCAN $z $cursor
ZUNION 2 $zs $zs
ZUNION 2 $zs $zs WITHSCORES
ZUNION $n ( $zs ) WITHSCORES
ZUNION 2 $zs $zs WEIGHTS $w $w AGGREGATE $agg WITHSCORES
ZUNION 1 $zs WEIGHTS $w $w
ZUNIONSTORE $z 2 $zs $zs
ZUNIONSTORE $z $n ( $zs )
ZUNIONSTORE $z 2 $zs $zs AGGREGATE $agg
ZUNIONSTORE $z 2 $zs $zs WEIGHTS $w $w
ZINTER 2 $zs $zs WITHSCORES
ZINTER 2 $zs $zs AGGREGATE $agg
ZINTERSTORE $z 2 $zs $zs
ZINTERSTORE $z 2 $zs $zs WEIGHTS $w $w AGGREGATE $agg
ZINTERCARD 2 $zs $zs
ZINTERCARD 2 $zs $zs LIMIT $i
ZDIFF 2 $zs $zs WITHSCORES
ZDIFF $n ( $zs )
ZDIFFSTORE $z 2 $zs $zs
ZRANGE $z $i $i
ZRANGE $z 0 -1 WITHSCORES
ZRANGE $z $i $i REV WITHSCORES
ZRANGE $z $bd $bd BYSCORE
ZRANGE $z $bd $bd BYSCORE WITHSCORES
ZRANGE $z $bd $bd BYSCORE LIMIT $i $i
ZRANGE $z $bd $bd BYSCORE REV LIMIT $i $i WITHSCORES
ZRANGE $z $i $i LIMIT $i $i
ZRANGE $z $bd $bd BYSCORE BYLEX
ZREVRANGE $z $i $i
ZREVRANGE $z $i $i WITHSCORES
ZRANGEBYSCORE $z $bd $bd
ZRANGEBYSCORE $z $bd $bd WITHSCORES LIMIT $i $i
ZREVRANGEBYSCORE $z $bd $bd
ZREVRANGEBYSCORE $z $bd $bd LIMIT $i $i
ZRANGESTORE $z $z $i $i
ZRANGESTORE $z $z $bd $bd BYSCORE LIMIT $i $i
ZRANGESTORE $z $z $i $i REV
ZCOUNT $z $bd $bd
ZREMRANGEBYRANK $z $i $i
ZREMRANGEBYSCORE $z $bd $bd
ZADD $lk ( 0 $m )
ZADD $lk ( 0 $m ) ( 0 $m )
ZREM $lk $m
ZRANGE $lk $lx $lx BYLEX
ZRANGE $lk $lx $lx BYLEX REV LIMIT $i $i
ZRANGEBYLEX $lk $lx $lx
ZRANGEBYLEX $lk $lx $lx LIMIT $i $i
ZREVRANGEBYLEX $lk $lx $lx
ZLEXCOUNT $lk $lx $lx
ZREMRANGEBYLEX $lk $lx $lx
ZRANGESTORE $z $lk $lx $lx BYLEX
LPUSH $q ( $e )
LPUSH $q ( $e ) ( $e )
RPUSH $q ( $e )
RPUSH $q ( $e ) ( $e )
LPUSHX $q ( $e )
RPUSHX $q ( $e )
LPOP $q
RPOP $q
LPOP $q $n
RPOP $q $n
LRANGE $q $i $i
LRANGE $q 0 -1
LLEN $q
LINDEX $q $i
LINSERT $q $side $e $e
LINSERT $q $side $e $e
LSET $q $i $e
LREM $q $i $e
LTRIM $q $i $i
LTRIM $q $i -1
LPOS $q $e
LPOS $q $e RANK $i
LPOS $q $e COUNT $n
LPOS $q $e RANK $i COUNT $n MAXLEN $n
LPOS $q $e MAXLEN $i
LMOVE $q $q $end $end
LMOVE $ls $ls $end $end
RPOPLPUSH $q $q
RPOPLPUSH $ls $ls
LMPOP 1 $q $end
LMPOP 2 $ls $ls $end COUNT $n
LMPOP $n ( $ls ) $end
RENAME $q $q
COPY $q $q REPLACE
DEL $q
PFADD $p ( $visit )
PFADD $p ( $visit ) ( $visit ) ( $visit ) ( $visit )
PFADD $p $e
PFADD $p
PFCOUNT $p
PFCOUNT $p
PFCOUNT ( $pf )
PFCOUNT $k
PFCOUNT $p $k
PFMERGE $p ( $pf )
PFMERGE $p
PFMERGE $p $k
RENAME $p $p
COPY $p $p REPLACE
EXPIRE $p $ttl
TTL $p
TYPE $p
DEL $p
SET $p $v
ZLEXCOUNT never $lx $lx
ZRANGEBYLEX never $lx $lx
`)

// slicesOf returns the lines that are not empty.
func slicesOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
