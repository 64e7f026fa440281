package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/testdata"
)

// townBatch is how many towns are read at once.
const townBatch = 200

// load writes the towns in one region and reads them in the others.
func (d *demo) load(ctx context.Context) error {
	d.step("A thousand towns, written in us")
	d.towns = map[string]map[string]string{}
	for line := range strings.Lines(testdata.Towns) {
		var town struct {
			Key    string            `json:"key"`
			Fields map[string]string `json:"fields"`
		}
		if err := json.Unmarshal([]byte(line), &town); err != nil {
			return fmt.Errorf("the sample of towns: %w", err)
		}
		d.towns[town.Key] = town.Fields
	}
	began := time.Now()
	l := newLoader(d.apis["us"], defaultInFlight, demoRequest)
	if err := l.run(ctx, strings.NewReader(testdata.Towns)); err != nil {
		return l.explain("the sample of towns", err)
	}
	d.claim(int(l.loaded.Load()) == len(d.towns), fmt.Sprintf("us took %s", plural(len(d.towns), "town")),
		"%s in %s", humanBytes(int(l.bytes.Load())), short(time.Since(began)))
	d.claimEqual(ctx, "all regions hold the same", "every holder's digest of every partition compared after the load")
	for _, r := range []string{"eu", "ap"} {
		if err := d.readTowns(ctx, r, ""); err != nil {
			return err
		}
	}
	return nil
}

// readTowns claims that a region shows every town as it is in the file.
func (d *demo) readTowns(ctx context.Context, r, circumstance string) error {
	began := time.Now()
	wrong, example, err := d.wrongTowns(ctx, d.apis[r])
	if err != nil {
		return err
	}
	why := fmt.Sprintf("every field compared with the file, read from %s's own nodes in %s", r, short(time.Since(began)))
	if wrong > 0 {
		why = fmt.Sprintf("%d are not, such as %s", wrong, example)
	}
	d.claim(wrong == 0, fmt.Sprintf("%s shows all %s%s", r, plural(len(d.towns), "town"), circumstance), "%s", why)
	return nil
}

// wrongTowns counts the towns that are not as they are in the file.
func (d *demo) wrongTowns(ctx context.Context, api *command.API) (wrong int, example string, err error) {
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(d.towns)), townBatch) {
		b := command.NewBatch()
		futures := make([]*command.Future[map[string]string], len(keys))
		for i, key := range keys {
			futures[i] = b.HGetAll(key)
		}
		one, cancel := context.WithTimeout(ctx, demoRequest)
		err := api.Run(one, b)
		cancel()
		if err != nil {
			return 0, "", err
		}
		for i, key := range keys {
			if have, _ := futures[i].Result(); !maps.Equal(have, d.towns[key]) {
				wrong++
				example = key
			}
		}
	}
	return wrong, example, nil
}

// crash ends a node without a goodbye.
func (d *demo) crash(ctx context.Context) error {
	victim := d.cluster.nodes[1]
	d.step("%s ends as in a crash, without a goodbye", victim.Name())
	victim.kill()
	if err := d.readTowns(ctx, "us", " at once after it"); err != nil {
		return err
	}
	const key = "demo:after"
	_, err := d.apis["us"].Set(ctx, key, "still here")
	d.claim(err == nil, "us takes writes", "%s", errText(err, "the key's other holder answers"))
	alone, took := d.wait(ctx, func(ctx context.Context) (bool, error) {
		info, err := d.apis["us"].Ring(ctx)
		return err == nil && serving(info.Nodes) == demoNodes-1, err
	})
	d.claim(alone, "the others notice and take over its partitions", "after %s", short(took))
	d.claimEqual(ctx, "all regions hold the same, nothing is missing", "every holder's digest of every partition compared",
		victim.Region()+"/"+victim.Name())
	return d.readTowns(ctx, "us", " without it")
}

func errText(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}
