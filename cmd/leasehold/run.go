package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// commandLine is everything that can be said to leasehold.
type commandLine struct {
	Config string `help:"The operator's configuration; also as $LEASEHOLD_CONFIG." default:"${config}" placeholder:"FILE"`
	Server string `help:"Speak to this server's API from afar, as https://sso.example.com; the token stands in $LEASEHOLD_TOKEN, or in the file that $LEASEHOLD_TOKEN_FILE names." placeholder:"URL"`
	JSON   bool   `help:"Print JSON: results on stdout, a failure as {\"error\": …} on stderr." name:"json"`

	Demo        demoCommand        `cmd:"" help:"Run a gateway with demo identity providers and a demo app; nothing to install."`
	Serve       serveCommand       `cmd:"" help:"Run the gateway."`
	CheckConfig checkConfigCommand `cmd:"" name:"check-config" help:"Say everything that is wrong with the configuration and the manifests."`
	Apply       applyCommand       `cmd:"" help:"Make tenants, domains, connections, apps and policies what manifests say."`

	Tenant     tenantCommands     `cmd:"" help:"Organisations that bring their own people."`
	Policy     policyCommands     `cmd:"" help:"Who of a tenant's people gets in, and for how long."`
	Domain     domainCommands     `cmd:"" help:"Claims on e-mail domains, and their proofs."`
	Connection connectionCommands `cmd:"" help:"Identity providers of tenants."`
	App        appCommands        `cmd:"" help:"What is protected."`
	Account    accountCommands    `cmd:"" help:"People."`
	Lease      leaseCommands      `cmd:"" help:"What gives access."`
	Elevation  elevationCommands  `cmd:"" help:"Roles for a while."`
	Revoke     revokeCommand      `cmd:"" help:"End access, now."`
	Token      tokenCommands      `cmd:"" help:"What programs show to the API."`
	Delivery   deliveryCommands   `cmd:"" help:"What apps are told of ends of access."`
	Secret     secretCommands     `cmd:"" help:"Users that sources of secrets have for leases."`
	Audit      auditCommands      `cmd:"" help:"What happened."`
	Setup      setupCommands      `cmd:"" help:"Links by which a tenant's people register their identity provider themselves."`
	Doctor     doctorCommand      `cmd:"" help:"Say why somebody was refused, by the reference on the page."`
	Key        keyCommands        `cmd:"" help:"Keys, and their successors."`
	Clock      clockCommands      `cmd:"" help:"Ledger time."`
	Backup     backupCommand      `cmd:"" help:"Write the ledger to a file, with or without a server."`
	Restore    restoreCommand     `cmd:"" help:"Make the ledger what a backup says, without a server. Every lease ends."`
	Exec       execCommand        `cmd:"" help:"Run a command with a workload's lease, and end its task."`
	Bench      benchCommands      `cmd:"" help:"Measure a gateway."`
	Version    versionCommand     `cmd:"" help:"Print the version."`
}

// defaultConfig is where the operator's configuration is unless said otherwise, by a flag or by a variable.
const (
	defaultConfig     = "/etc/leasehold/leasehold.yaml"
	configVariable    = "LEASEHOLD_CONFIG"
	tokenVariable     = "LEASEHOLD_TOKEN"
	tokenFileVariable = "LEASEHOLD_TOKEN_FILE"
	urlVariable       = "LEASEHOLD_URL" // of the configuration, too: where there is no token, it says nothing else
)

// surroundings are what a command runs in.
type surroundings struct {
	ctx            context.Context
	environ        []string // without the variables above that are no keys of the configuration
	stdout, stderr io.Writer
	config         string
	json           bool

	server           string // what is spoken to from afar; "": the server on this machine
	token, tokenFile string // what is shown there, or where it stands
}

// run does what args say, and prints what came of it. The error is for the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	var line commandLine
	given := environ
	environ = slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == configVariable || name == tokenVariable || name == tokenFileVariable
	})
	config := cmp.Or(variable(given, configVariable), defaultConfig)
	exited := false
	parser, err := kong.New(&line, kong.Name("leasehold"), kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }),
		kong.Description("An SSO gateway that lets people in on a lease. No live lease, no access."),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, Compact: true}), kong.Vars{"config": config})
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited { // --help has been printed
		return nil
	}
	if err != nil {
		err = usageError{fmt.Errorf("%w (see leasehold --help)", err)}
		complain(stderr, err, slices.Contains(args, "--json"))
		return err
	}
	around := &surroundings{ctx: ctx, environ: environ, stdout: stdout, stderr: stderr, config: line.Config, json: line.JSON, server: line.Server}
	around.token, around.tokenFile = variable(given, tokenVariable), variable(given, tokenFileVariable)
	if around.token+around.tokenFile != "" {
		around.server = cmp.Or(around.server, variable(given, urlVariable))
	}
	err = parsed.Run(around)
	complain(stderr, err, line.JSON)
	return err
}

type versionCommand struct{}

// built is what was built, and from which revision.
type built struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

func whatWasBuilt() built {
	b := built{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Revision = setting.Value
		}
	}
	return b
}

// Run prints it.
func (versionCommand) Run(s *surroundings) error {
	b := whatWasBuilt()
	if s.json {
		return s.printJSON(b)
	}
	_, err := fmt.Fprintln(s.stdout, strings.Join(strings.Fields("leasehold "+b.Version+" "+b.Revision+" "+b.Go), " "))
	return err
}
