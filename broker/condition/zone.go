package condition

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// zoned is a function of CEL on a timestamp in a time zone. Ours read each time zone once: the language's own read it
// from the disk, or from the binary, at every call.
type zoned struct {
	name, overload string
	of             func(time.Time) int
}

// zonedFunctions are those of the language's definition, by its names for them.
func zonedFunctions() []zoned {
	return []zoned{
		{"getFullYear", "timestamp_to_year_with_tz", time.Time.Year},
		{"getMonth", "timestamp_to_month_with_tz", func(t time.Time) int { return int(t.Month()) - 1 }},
		{"getDayOfYear", "timestamp_to_day_of_year_with_tz", func(t time.Time) int { return t.YearDay() - 1 }},
		{"getDayOfMonth", "timestamp_to_day_of_month_with_tz", func(t time.Time) int { return t.Day() - 1 }},
		{"getDate", "timestamp_to_day_of_month_1_based_with_tz", time.Time.Day},
		{"getDayOfWeek", "timestamp_to_day_of_week_with_tz", func(t time.Time) int { return int(t.Weekday()) }},
		{"getHours", "timestamp_to_hours_with_tz", time.Time.Hour},
		{"getMinutes", "timestamp_to_minutes_with_tz", time.Time.Minute},
		{"getSeconds", "timestamp_to_seconds_tz", time.Time.Second},
		{"getMilliseconds", "timestamp_to_milliseconds_with_tz", func(t time.Time) int { return t.Nanosecond() / 1_000_000 }},
	}
}

// zones are the time zones that were read.
type zones struct{ read sync.Map }

// without are the language's own functions that ours take the place of, as its standard library names them.
func without() (excluded []*env.Function) {
	for _, f := range zonedFunctions() {
		excluded = append(excluded, env.NewFunction(f.name, env.NewOverload(f.overload, nil, nil)))
	}
	return excluded
}

// functions declares ours.
func (z *zones) functions() (options []cel.EnvOption) {
	for _, f := range zonedFunctions() {
		options = append(options, cel.Function(f.name, cel.MemberOverload(f.overload, []*cel.Type{cel.TimestampType, cel.StringType}, cel.IntType,
			cel.BinaryBinding(func(at, zone ref.Val) ref.Val {
				location, err := z.location(string(zone.(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.Int(f.of(at.(types.Timestamp).In(location)))
			}))))
	}
	return options
}

var offset = regexp.MustCompile(`^([+-]?)([01][0-9]):([0-5][0-9])$`)

// location is a time zone by its name, or an offset. "Local" is none: it is each machine's own.
func (z *zones) location(zone string) (*time.Location, error) {
	if known, ok := z.read.Load(zone); ok {
		return known.(*time.Location), nil
	}
	location, err := read(zone)
	if err != nil {
		return nil, err
	}
	z.read.Store(zone, location) // there are as many as zones in the world, and offsets in a day
	return location, nil
}

func read(zone string) (*time.Location, error) {
	none := fmt.Errorf("%q is no time zone; write one as \"Europe/Berlin\", \"UTC\" or \"+02:00\"", zone)
	if m := offset.FindStringSubmatch(zone); m != nil {
		d, err := time.ParseDuration(m[1] + m[2] + "h" + m[3] + "m")
		if err != nil {
			return nil, none
		}
		return time.FixedZone(zone, int(d.Seconds())), nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" || zone == "" {
		return nil, none
	}
	return location, nil
}
