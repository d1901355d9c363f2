package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"leasehold/provision"
)

type execCommand struct {
	URL       string   `help:"Of the SSO host; also as $LEASEHOLD_URL." placeholder:"URL"`
	Tenant    string   `help:"Whose rule it is." required:"" placeholder:"ID"`
	Rule      string   `help:"The trust rule." required:"" placeholder:"ID"`
	Grant     string   `help:"The grant; without it, the rule's only one." placeholder:"ID"`
	App       []string `help:"Apps, by id or origin; without them, all of the grant." placeholder:"APP"`
	Resource  []string `help:"Addresses at apps; without them, all of the grant." placeholder:"URL"`
	Purpose   string   `help:"What it is for." placeholder:"TEXT"`
	Task      string   `help:"The task; without it, the run of GitHub Actions, or a random name." placeholder:"NAME"`
	TokenFile string   `help:"Where the workload's own token is; without it, GitHub Actions is asked." placeholder:"FILE"`

	Command []string `arg:"" passthrough:"" help:"What runs, with its arguments, after --."`
}

// Limits of what leasehold exec waits for.
const (
	execPatience = 30 * time.Second // for one answer
	execGrace    = 10 * time.Second // for a command that was told to stop
	execEnds     = 3                // tries to end the task
)

// exited is how a command ended that leasehold ran. There is nothing to say about it.
type exited struct{ code int }

func (e exited) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// Is makes it count as said already.
func (e exited) Is(target error) bool { return target == errSaid }

// Run gets a lease, runs the command with it, and ends the task, whatever happens. The exit code is the command's.
func (c execCommand) Run(s *surroundings) error {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	base := strings.TrimSuffix(cmp.Or(c.URL, variable(s.environ, "LEASEHOLD_URL")), "/")
	if base == "" || len(c.Command) == 0 {
		return usageError{errors.New("a --url, and a command after --, are wanted (see leasehold exec --help)")}
	}
	if !provision.IsWebURL(base) {
		return usageError{fmt.Errorf("--url %s: write https://…; http is for loopback names only, for whoever reads the way has the token", printable(base))}
	}
	c.Task = cmp.Or(c.Task, runOf(s.environ), strings.ToLower(rand.Text()))
	at := errands{base: base + "/t/" + url.PathEscape(c.Tenant), http: farClient()}
	token, err := c.token(s, at)
	if err != nil {
		return err
	}
	lease, err := at.exchange(s.ctx, c.form(token))
	if err != nil {
		return err
	}
	ran := c.run(s, lease)
	if err := at.end(context.WithoutCancel(s.ctx), c.Task, lease.Token); err != nil {
		complain(s.stderr, fmt.Errorf("the task could not be ended, and its lease ends by itself in %d s at most: %w", lease.Expires, err), false)
		return cmp.Or(ran, error(exited{1}))
	}
	return ran
}

// run runs the command with the lease in its environment.
func (c execCommand) run(s *surroundings, lease leaseForExec) error {
	command := exec.CommandContext(s.ctx, c.Command[0], c.Command[1:]...)
	command.Env = append(s.environ, "LEASEHOLD_TOKEN="+lease.Token, "LEASEHOLD_LEASE="+lease.ID, "LEASEHOLD_TASK="+c.Task)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, s.stdout, s.stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = execGrace
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exited{exit.ExitCode()}
	case errors.As(err, &exit):
		return exited{1} // a signal
	case err != nil:
		return fmt.Errorf("run %s: %w", c.Command[0], err)
	}
	return nil
}

// token is the workload's own: from a file, or from GitHub Actions, which makes one for whoever may ask.
func (c execCommand) token(s *surroundings, at errands) (string, error) {
	if c.TokenFile != "" {
		text, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return "", fmt.Errorf("token of the workload: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	where, word := variable(s.environ, "ACTIONS_ID_TOKEN_REQUEST_URL"), variable(s.environ, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if where == "" || word == "" || !provision.IsWebURL(where) {
		return "", usageError{errors.New("no token: give --token-file, or in GitHub Actions set `permissions: {id-token: write}`")}
	}
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, where+"&audience="+url.QueryEscape(at.base), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+word)
	var said struct{ Value string }
	if err := at.ask(request, &said); err != nil {
		return "", fmt.Errorf("token of GitHub Actions: %w", err)
	}
	return said.Value, nil
}

// form is what is asked for (RFC 8693, 2.1).
func (c execCommand) form(token string) url.Values {
	form := url.Values{
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "rule": {c.Rule}, "task": {c.Task},
		"audience": c.App, "resource": c.Resource,
	}
	for name, value := range map[string]string{"scope": c.Grant, "purpose": c.Purpose} {
		if value != "" {
			form.Set(name, value)
		}
	}
	return form
}

// errands speaks to a tenant's token endpoint.
type errands struct {
	base string
	http http.Client
}

// stayHere follows no redirect: tokens are for the host that was named.
func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// leaseForExec is what a command runs with.
type leaseForExec struct {
	Token   string `json:"access_token"`
	ID      string `json:"lease_id"`
	Expires int    `json:"expires_in"`
}

func (e errands) exchange(ctx context.Context, form url.Values) (l leaseForExec, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return l, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	err = e.ask(request, &l)
	if err == nil && l.Token == "" {
		err = errors.New("the answer holds no token")
	}
	if err != nil {
		return l, fmt.Errorf("exchange: %w", err)
	}
	return l, nil
}

// end ends the task. It is tried again, for nobody else does it.
func (e errands) end(ctx context.Context, task, token string) (err error) {
	for try := range execEnds {
		if try > 0 {
			time.Sleep(time.Second)
		}
		var request *http.Request
		if request, err = http.NewRequestWithContext(ctx, http.MethodPost, e.base+"/tasks/"+url.PathEscape(task)+"/end", nil); err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		if err = e.ask(request, &struct{}{}); err == nil {
			return nil
		}
	}
	return err
}

// ask sends a request and reads the answer into v. A refusal is its reason, check and reference.
func (e errands) ask(request *http.Request, v any) error {
	answer, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body := io.LimitReader(answer.Body, 1<<20)
	if answer.StatusCode == http.StatusOK {
		return json.NewDecoder(body).Decode(v)
	}
	var no struct {
		Description string `json:"error_description"`
		Reason      string
		Reference   string
	}
	if json.NewDecoder(body).Decode(&no) != nil || no.Description == "" {
		return errors.New(answer.Status)
	}
	return fmt.Errorf("refused: %s (%s, reference %s)", printable(no.Description), printable(no.Reason), printable(no.Reference))
}

// runOf names the run of GitHub Actions, with its attempt, for a task that ended does not begin again.
func runOf(environ []string) string {
	run, attempt := variable(environ, "GITHUB_RUN_ID"), variable(environ, "GITHUB_RUN_ATTEMPT")
	if run == "" {
		return ""
	}
	return run + "-" + cmp.Or(attempt, "1")
}

// variable is a variable of an environment, or "".
func variable(environ []string, name string) string {
	for _, v := range environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
