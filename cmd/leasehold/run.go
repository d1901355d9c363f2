package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// commandLine is everything that can be said to leasehold.
type commandLine struct {
	Config string `help:"The operator's configuration." default:"/etc/leasehold/leasehold.yaml" env:"LEASEHOLD_CONFIG" placeholder:"FILE"`
	JSON   bool   `help:"Print JSON instead of text." name:"json"`

	Demo        demoCommand        `cmd:"" help:"Run a gateway with demo identity providers and a demo app; nothing to install."`
	Serve       serveCommand       `cmd:"" help:"Run the gateway."`
	CheckConfig checkConfigCommand `cmd:"" name:"check-config" help:"Say everything that is wrong with the configuration and the manifests."`
	Apply       applyCommand       `cmd:"" help:"Make tenants, domains, connections, apps and policies what manifests say."`

	Tenant     tenantCommands     `cmd:"" help:"Organisations that bring their own people."`
	Domain     domainCommands     `cmd:"" help:"Claims on e-mail domains, and their proofs."`
	Connection connectionCommands `cmd:"" help:"Identity providers of tenants."`
	App        appCommands        `cmd:"" help:"What is protected."`
	Account    accountCommands    `cmd:"" help:"People."`
	Lease      leaseCommands      `cmd:"" help:"What gives access."`
	Revoke     revokeCommand      `cmd:"" help:"End access, now."`
	Audit      auditCommands      `cmd:"" help:"What happened."`
	Clock      clockCommands      `cmd:"" help:"Ledger time."`
	Version    versionCommand     `cmd:"" help:"Print the version."`
}

// surroundings are what a command runs in.
type surroundings struct {
	ctx            context.Context
	environ        []string
	stdout, stderr io.Writer
	config         string
	json           bool
}

// run does what args say.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	var line commandLine
	exited := false
	parser, err := kong.New(&line, kong.Name("leasehold"), kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }),
		kong.Description("An SSO gateway that lets people in on a lease. No live lease, no access."), kong.UsageOnError())
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited { // --help has been printed
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("%w (see leasehold --help)", err)}
	}
	return parsed.Run(&surroundings{ctx, environ, stdout, stderr, line.Config, line.JSON})
}

type versionCommand struct{}

// Run prints what was built, and from which revision.
func (versionCommand) Run(s *surroundings) error {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(s.stdout, "leasehold %s%s\n", version, revision)
	return err
}
