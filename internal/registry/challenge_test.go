package registry

import (
	"net/http"
	"reflect"
	"testing"
)

func TestChallenges(t *testing.T) {
	for line, want := range map[string][]challenge{
		"":                 nil,
		`Basic realm="x"`:  {{scheme: "basic", realm: "x"}},
		"Basic":            {{scheme: "basic"}},
		`Negotiate, Basic`: {{scheme: "negotiate"}, {scheme: "basic"}},
		`Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push"`: {
			{scheme: "bearer", realm: "https://auth.example.com/token", service: "reg", scope: "repository:a/b:pull,push"}},
		`bearer Realm = "https://a/?x=1" , service=reg , error="invalid_token"`: {
			{scheme: "bearer", realm: "https://a/?x=1", service: "reg", failure: "invalid_token"}},
		`Bearer realm="a \"quoted\" \\ one"`:   {{scheme: "bearer", realm: `a "quoted" \ one`}},
		`Bearer realm="not closed`:             {{scheme: "bearer", realm: "not closed"}},
		`Bearer realm="one",Basic realm="two"`: {{scheme: "bearer", realm: "one"}, {scheme: "basic", realm: "two"}},
		`realm="of no scheme"`:                 nil,
		`"`:                                    nil,
		`Basic ="x"`:                           nil,
	} {
		if got := parseChallenges(line); !reflect.DeepEqual(got, want) {
			t.Errorf("parseChallenges(%q) = %+v, want %+v", line, got, want)
		}
	}
	header := http.Header{"Www-Authenticate": {"Negotiate", `Bearer service="without a realm"`, `Basic realm="x"`}}
	if got := chooseChallenge(header); got.scheme != schemeBasic {
		t.Errorf("chooseChallenge: %+v", got)
	}
}

// Any header is parsed without a panic, in time proportional to its length.
func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{`Basic realm="x"`, `Bearer realm="a",service=b, Basic`, `a="\`, "=,=", `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if all := parseChallenges(line); len(all) > len(line) {
			t.Errorf("%d challenges in %d bytes", len(all), len(line))
		}
	})
}
