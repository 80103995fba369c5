package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Colours of the terminal.
const (
	title  = "\x1b[1;36m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[94m"
	plain  = "\x1b[0m"
)

// print writes one line, in a colour if the output has colours.
func (s *stage) print(colour, line string) {
	if s.coloured && colour != "" && line != "" {
		line = colour + line + plain
	}
	_, _ = fmt.Fprintln(s.out, line)
}

// chapter prints the name of the next part and what to look at in it.
func (s *stage) chapter(name, look string) {
	s.chapters++
	s.print("", "")
	s.print(title, fmt.Sprintf("%d. %s", s.chapters, name))
	s.print("", look)
}

// show prints lines with a margin, changes in the colours of Terraform.
func (s *stage) show(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		colour := ""
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "+ "):
			colour = green
		case strings.HasPrefix(trimmed, "~ "):
			colour = yellow
		case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "Error:"):
			colour = red
		}
		s.print(colour, "  "+line)
	}
}

// change matches a changed attribute of a resource in a plan, and captures its name.
var change = regexp.MustCompile(`^      (?:[-+~]|-/\+) (\w+) +=`)

// dull are attributes that follow from others.
var dull = []string{
	"content_wo", "created", "digest", "digests", "id", "image_digest", "keep_on_destroy", "media_type", "overwrite",
	"pinned", "registry", "size",
}

// look says what of an output is worth a look. All of them show errors and the summary.
type look int

const (
	summary look = iota
	// changes shows what a plan changes, too.
	changes
	// outputs shows outputs, too.
	outputs
)

// at returns the lines of an output that are worth a look.
func (l look) at(output string) string {
	var kept strings.Builder
	var keep, resource bool
	rest := output
	for line := range strings.Lines(output) {
		switch {
		case strings.HasPrefix(line, "Outputs:") && l != outputs:
			return kept.String()
		case strings.HasPrefix(line, "Outputs:"), strings.HasPrefix(line, "Error:"):
			return kept.String() + strings.TrimRight(rest, "\n ") + "\n"
		case strings.HasPrefix(line, "  # "):
			resource, keep = true, false
			kept.WriteString(line[2:])
		case strings.HasPrefix(line, "    }"):
			resource = false
		case resource:
			if parts := change.FindStringSubmatch(line); parts != nil {
				keep = l == changes && !slices.Contains(dull, parts[1]) && !strings.Contains(line, "(known after apply)")
			} else if !strings.HasPrefix(line, "       ") {
				keep = false // The line is not a part of a changed attribute.
			}
			if keep && !strings.Contains(line, " unchanged ") {
				kept.WriteString(line[4:])
			}
		case strings.HasPrefix(line, "Plan:"), strings.HasPrefix(line, "No changes."), strings.Contains(line, " complete! "):
			kept.WriteString(line)
		}
		rest = rest[len(line):]
	}
	return kept.String()
}

// withoutOverrideWarning drops the warning of each command that it uses a provider under development.
func withoutOverrideWarning(output string) string {
	var kept strings.Builder
	dropping := false
	for line := range strings.Lines(output) {
		switch {
		case strings.HasPrefix(line, "Warning: Provider development overrides are in effect"):
			dropping = true
		case dropping:
			dropping = !strings.HasSuffix(strings.TrimSpace(line), "releases.")
		default:
			kept.WriteString(line)
		}
	}
	return strings.TrimLeft(kept.String(), "\n")
}

// longDigest matches a whole digest and captures its beginning.
var longDigest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

// shorten cuts digests, which would make lines unreadable.
func shorten(text string) string {
	return longDigest.ReplaceAllString(text, "$1…")
}
