package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// No format verb shows a secret of a credential.
func TestCredentialsDoNotPrint(t *testing.T) {
	c := Credential{Username: "u", Password: "secret", IdentityToken: "secret", RegistryToken: "secret", Origin: "a file"}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d"} {
		for _, value := range []any{c, &c, []Credential{c}, struct{ C Credential }{c}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "secret") || strings.Contains(text, "736563726574") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
	if text := fmt.Sprint(c, Credential{}); text != "credentials of a file anonymous" {
		t.Errorf("printed as %q", text)
	}
}

type fixed struct {
	credential Credential
	err        error
	asked      *int
}

// Find implements Source.
func (f fixed) Find(context.Context, Target) (Credential, error) {
	*f.asked++
	return f.credential, f.err
}

func TestChain(t *testing.T) {
	var none, broken, one, two int
	chain := Chain{
		fixed{asked: &none},
		fixed{err: unavailable("a helper", errors.New("it hangs")), asked: &broken},
		fixed{credential: Credential{Username: "one"}, asked: &one},
		fixed{credential: Credential{Username: "two"}, asked: &two},
	}
	found, err := chain.Find(context.Background(), Target{"registry.example.com", "app"})
	if err != nil || found.Username != "one" || none+broken+one != 3 || two != 0 {
		t.Errorf("found %q, %v; asked %d, %d, %d, %d times", found.Username, err, none, broken, one, two)
	}
	settings := Settings{
		"registry.example.com": {Username: "set"}, "anonymous.example.com": {NoLogin: true}, "empty.example.com": {},
	}
	for host, want := range map[string]string{
		"registry.example.com": "set", "anonymous.example.com": "", "empty.example.com": "one", "other.example.com": "one",
	} {
		found, err = append(Chain{settings}, chain...).Find(context.Background(), Target{host, "app"})
		if err != nil || found.Username != want || found.IsAnonymous() != (want == "") {
			t.Errorf("with settings, found %q, %v for %s", found.Username, err, host)
		}
	}
	found, err = chain[:2].Find(context.Background(), Target{"registry.example.com", "app"})
	if !found.IsAnonymous() || !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "it hangs") {
		t.Errorf("found %s, %v", found, err)
	}
}
