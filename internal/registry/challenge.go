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

// challenge is how a registry wants to be authenticated to: RFC 9110, "HTTP Authentication", and for a token service
// the token authentication of the distribution project. The zero value asks for no authentication.
type challenge struct {
	// scheme is in lower case.
	scheme string
	// realm is the URL of the token service, and service and scope are what to ask it for. Only bearer has them.
	realm, service, scope string
	// failure is the error code for the token that was sent (RFC 6750, "Error Codes"); empty if there is none.
	failure string
}

// insufficientScope is the failure of a valid token that does not allow the request.
const insufficientScope = "insufficient_scope"

// chooseChallenge returns the first challenge of an answer that this package can meet; the zero value if there is none.
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

// parseChallenges reads one WWW-Authenticate header, which may hold several challenges: schemes, each followed by its
// parameters, all separated by commas.
func parseChallenges(line string) []challenge {
	var all []challenge
	p := challengeParser{rest: line}
	for p.skip(" \t,"); p.rest != ""; p.skip(" \t,") {
		word := p.token()
		if word == "" { // The rest has no token to continue from.
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
			return nil // A parameter without a scheme.
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

// challengeParser reads a header from the left; rest is the part that is still unread.
type challengeParser struct{ rest string }

func (p *challengeParser) skip(chars string) { p.rest = strings.TrimLeft(p.rest, chars) }

// token reads up to the next character that cannot be in a token.
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
