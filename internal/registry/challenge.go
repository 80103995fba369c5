package registry

import (
	"net/http"
	"strings"
)

// Authentication schemes of a registry.
const (
	schemeBasic  = "basic"
	schemeBearer = "bearer"
)

// challenge is how a registry wants to be authenticated to (RFC 9110, section 11; for a token service, the
// distribution specification's token authentication). The zero value asks for nothing.
type challenge struct {
	// scheme is in lower case.
	scheme string
	// realm is the URL of the token service, service and scope what to ask it for; those of a bearer only.
	realm, service, scope string
	// failure is why what was sent is not enough (RFC 6750, section 3.1); empty where nothing is said.
	failure string
}

// insufficientScope is the failure of a valid token that does not allow what was asked for.
const insufficientScope = "insufficient_scope"

// chooseChallenge returns the first challenge of an answer that this package knows how to meet.
func chooseChallenge(header http.Header) challenge {
	for _, line := range header.Values("WWW-Authenticate") {
		for _, c := range parseChallenges(line) {
			if c.scheme == schemeBasic || c.scheme == schemeBearer && c.realm != "" {
				return c
			}
		}
	}
	return challenge{}
}

// parseChallenges reads one WWW-Authenticate header, which may hold several challenges: schemes, each
// followed by a list of parameters, all of it separated by commas.
func parseChallenges(line string) []challenge {
	var all []challenge
	p := challengeParser{rest: line}
	for p.skip(" \t,"); p.rest != ""; p.skip(" \t,") {
		word := p.token()
		if word == "" { // No token here: nothing after it can be made sense of.
			return all
		}
		p.skip(" \t")
		if !strings.HasPrefix(p.rest, "=") {
			all = append(all, challenge{scheme: strings.ToLower(word)})
			continue
		}
		p.rest = p.rest[1:]
		p.skip(" \t")
		value := p.value()
		if len(all) == 0 {
			return nil // A parameter of no scheme.
		}
		switch last := &all[len(all)-1]; strings.ToLower(word) {
		case "realm":
			last.realm = value
		case "service":
			last.service = value
		case "scope":
			last.scope = value
		case "error":
			last.failure = value
		}
	}
	return all
}

type challengeParser struct{ rest string }

func (p *challengeParser) skip(chars string) { p.rest = strings.TrimLeft(p.rest, chars) }

// token reads up to a character that no token has.
func (p *challengeParser) token() string {
	end := strings.IndexAny(p.rest, " \t,=\"")
	if end < 0 {
		end = len(p.rest)
	}
	token := p.rest[:end]
	p.rest = p.rest[end:]
	return token
}

// value reads a token or a quoted string.
func (p *challengeParser) value() string {
	if !strings.HasPrefix(p.rest, `"`) {
		return p.token()
	}
	var value strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return value.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			value.WriteByte(p.rest[i])
		default:
			value.WriteByte(c)
		}
	}
	p.rest = "" // The quote is not closed.
	return value.String()
}
