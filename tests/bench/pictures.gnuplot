# data, docs: folders; see tests/bench/run --pictures
set encoding utf8
set terminal svg size 760,360 dynamic font "sans-serif,12" background "#ffffff"
set key bottom right
set grid
set output docs."/latency.svg"
set title "One logon: POST /v1/logons and POST /v1/certificates"
set xlabel "milliseconds (logarithmic)"
set ylabel "share of logons"
set logscale x
set yrange [0:1]
plot data."/latency-one.dat" using 1:2 with lines lw 2 title "one at a time", \
     data."/latency-half.dat" using 1:2 with lines lw 2 title "half of saturation", \
     data."/latency-crowd.dat" using 1:2 with lines lw 2 title "16 at once"
unset logscale x
unset key
set output docs."/stages.svg"
set title "Server CPU of one logon by stage"
set xlabel "microseconds"
set ylabel ""
set style fill solid 0.8
set yrange [*:*] reverse
set boxwidth 0.7
plot data."/stages.dat" using ($2/2):0:($2/2):(0.35):ytic(1) with boxxyerror lc rgb "#4477aa"
