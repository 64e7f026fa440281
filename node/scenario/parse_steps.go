package scenario

import (
	"slices"
	"strings"
	"time"
)

// steps are the steps that are no commands, by their word.
var steps = map[string]func(p *parser, s *Step, rest string) error{
	"cut": parseCut, "heal": parseHeal, "sync": parseSync, "advance": parseAdvance, "evict": parseEvict,
}

func parseCut(p *parser, s *Step, rest string) error {
	s.Op, p.cut = Cut, true
	var seen []string
	for side := range strings.SplitSeq(rest, "|") {
		group, err := p.group(side)
		if err != nil {
			return err
		}
		for _, r := range group {
			if slices.Contains(seen, r) {
				return p.errorf("region %s is on two sides of the cut", r)
			}
		}
		seen = append(seen, group...)
		s.Groups = append(s.Groups, group)
	}
	if len(s.Groups) < 2 {
		return p.errorf("want sides such as cut eu|us,ap, have %q", rest)
	}
	p.apart = len(seen) == len(p.regions)
	return nil
}

func parseHeal(p *parser, s *Step, rest string) error {
	if rest != "" {
		return p.errorf("heal stands alone")
	}
	if !p.cut {
		return p.errorf("heal without a cut")
	}
	s.Op, p.cut, p.apart = Heal, false, false
	return nil
}

func parseSync(p *parser, s *Step, rest string) error {
	s.Op = Sync
	switch {
	case rest == "" && p.apart:
		return p.errorf("name the regions that are to agree, since some are cut off: sync %s", strings.Join(p.regions[:2], ","))
	case rest == "":
		s.Groups = [][]string{p.regions}
		return nil
	}
	group, err := p.group(rest)
	s.Groups = [][]string{group}
	return err
}

func parseAdvance(p *parser, s *Step, rest string) error {
	s.Op = Advance
	d, err := time.ParseDuration(rest)
	if err != nil || d <= 0 || d > MaxAdvance {
		return p.errorf("advance %q: want a time such as 5s or 2h30m, at most %v", rest, MaxAdvance)
	}
	s.By = d
	return nil
}

func parseEvict(p *parser, s *Step, rest string) error {
	s.Op = Evict
	group, err := p.group(rest)
	s.Groups = [][]string{group}
	return err
}

// group reads names of regions.
func (p *parser) group(text string) ([]string, error) {
	names := strings.Split(text, ",")
	for i, r := range names {
		if !slices.Contains(p.regions, r) {
			return nil, p.errorf("no region is called %q: there are %s", r, strings.Join(p.regions, ", "))
		}
		if slices.Contains(names[:i], r) {
			return nil, p.errorf("region %s is named twice", r)
		}
	}
	return names, nil
}
