// attend_values by values_of, whose number of query heads must be a constant. A source defines
// values_of and struct type before.
TERN_CPU_INLINE void values(struct type t, const struct tern_cpu_attend *job, const float *p,
                            float *out) {
    switch (job->queries) {
    case 1:
        values_of(t, job, p, 1, out);
        break;
    case 2:
        values_of(t, job, p, 2, out);
        break;
    case 3:
        values_of(t, job, p, 3, out);
        break;
    default:
        values_of(t, job, p, 4, out);
    }
}
