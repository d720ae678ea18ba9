/* Convolutions of small images, and their gradients: sums of products in registers, of images and weights that lie in
 * shared memory.
 *
 * A thread has the results of a strip of neighbouring pixels for a few channels, so that every number that it reads serves
 * several products. Of a block's threads, `splits` share the sums of a result; each adds up its part, and the parts are
 * added in their order. Lines of images are as long as vectors of four numbers want it, and begin in different banks. */

/* Numbers of shared memory, sums of a thread, and neighbouring pixels that it reads at a time. */
#define CONV_ROOM (49152 / (int)sizeof(real))
#define CONV_SUMS 64
#define CONV_SPAN 32

/* The extents of a convolution: channels C of H x W to K of OH x OW, and kernels, strides, pads and dilations. */
typedef struct {
    whole batch, C, H, W, K, OH, OW, kh, sh, ph, dh, kw, sw, pw, dw;
} Windows;

/* Pixels that so many windows next to each other see. */
DEVICE whole seen_by(whole windows, whole kernel, whole stride, whole dilation) {
    return (windows - 1) * stride + (kernel - 1) * dilation + 1;
}

DEVICE whole in_fours(whole count) { return (count + 3) / 4 * 4; }

/* From one line to the next in shared memory: an odd number of fours. */
DEVICE whole line_of(whole width) { return in_fours(width) / 4 % 2 ? in_fours(width) : in_fours(width) + 4; }

/* Reads planes into copies that are `apart`, of `rows` lines each: with `filled`, all that is around them becomes 0. */
DEVICE void read_planes(const real *from, real *to, int t, whole planes, whole H, whole W, whole above, whole left,
                        whole rows, whole line, whole apart, int filled) {
    if (above == 0 && left == 0 && rows == H && (line == W || (W < line && !filled))) {
        for (whole i = t; i < planes * H * W; i += THREADS) {
            to[i + i / W * (line - W) + i / (H * W) * (apart - H * line)] = from[i];
        }
    } else {
        for (whole i = t; i < planes * rows * line; i += THREADS) {
            whole plane = i / (rows * line), row = i / line % rows - above, column = i % line - left;
            int inside = 0 <= row && row < H && 0 <= column && column < W;
            to[i + plane * (apart - rows * line)] = inside ? from[(plane * H + row) * W + column] : (real)0;
        }
    }
}

/* Leaves the sums of some filters over some images in the shared memory, split by split: filters x images x OH x OW. */
DEVICE void conv_tile(real *room, const real *x, const real *w, Windows s, whole first_image, whole first_filter,
                      whole images, whole channels, whole groups, whole filters, whole across, whole splits) {
    OWN(real, sums, CONV_SUMS);
    whole segments = (s.OW + across - 1) / across, strips = images * s.OH * segments, tile = groups * filters;
    whole rows = seen_by(s.OH, s.kh, s.sh, s.dh), columns = seen_by(s.OW, s.kw, s.sw, s.dw);
    whole span = seen_by(across, s.kw, s.sw, s.dw), line = line_of(seen_by(segments * across, s.kw, s.sw, s.dw));
    whole plane = rows * line, record = in_fours(filters * s.kw), taps = s.kh * s.kw;
    real *weights = room + images * channels * plane;
    EACH_THREAD(t) {
        UNROLL for (int i = 0; i < filters * across; i++) MINE(sums, t)[i] = 0;
    }
    for (whole c0 = 0; c0 < s.C; c0 += channels) {
        whole count = least_of(channels, s.C - c0), pairs = count * s.kh;
        EACH_THREAD(t) {
            for (whole i = 0; i < images && first_image + i < s.batch; i++) {
                const real *from = x + ((first_image + i) * s.C + c0) * s.H * s.W;
                real *to = room + i * channels * plane;
                int filled = 0 < s.ph + s.pw || s.H < rows || s.W < columns;
                read_planes(from, to, t, count, s.H, s.W, s.ph, s.pw, rows, line, plane, filled);
            }
            for (whole r = t; r < count * taps; r += THREADS) {
                const real *from = w + (first_filter * s.C + c0) * taps + r;
                real *to = weights + r / s.kw * groups * record + r % s.kw * filters;
                for (whole group = 0; group < groups; group++) {
                    real next[CONV_SUMS];
                    UNROLL for (int k = 0; k < filters; k++) {
                        whole filter = group * filters + k;
                        int inside = s.K % tile == 0 || first_filter + filter < s.K;
                        next[k] = inside ? from[filter * s.C * taps] : (real)0;
                    }
                    UNROLL for (int k = 0; k < filters; k++) to[group * record + k] = next[k];
                }
            }
        }
        EACH_THREAD(t) {
            whole strip = t % strips, group = t / strips % groups, split = t / strips / groups;
            whole segment = strip % segments, row = strip / segments % s.OH, image = strip / segments / s.OH;
            const real *own = room + image * channels * plane + row * s.sh * line + segment * across * s.sw;
            if (split < splits) {
                for (whole pair = split; pair < pairs; pair += splits) {
                    const real *pixels = own + pair / s.kh * plane + pair % s.kh * s.dh * line;
                    const real *factors = weights + (pair * groups + group) * record;
                    real near[CONV_SPAN];
                    UNROLL for (int i = 0; i < span; i++) near[i] = pixels[i];
                    UNROLL for (int b = 0; b < s.kw; b++) {
                        UNROLL for (int k = 0; k < filters; k++) {
                            real factor = factors[b * filters + k];
                            UNROLL for (int j = 0; j < across; j++) {
                                real *sum = MINE(sums, t) + k * across + j;
                                *sum = r_fma(factor, near[j * s.sw + b * s.dw], *sum);
                            }
                        }
                    }
                }
            }
        }
    }
    EACH_THREAD(t) {
        whole strip = t % strips, group = t / strips % groups, split = t / strips / groups;
        whole segment = strip % segments, row = strip / segments % s.OH, image = strip / segments / s.OH;
        if (split < splits) {
            UNROLL for (int k = 0; k < filters; k++) {
                whole plane_of = ((split * groups + group) * filters + k) * images + image;
                UNROLL for (int j = 0; j < across; j++) {
                    whole column = segment * across + j;
                    if (column < s.OW) room[(plane_of * s.OH + row) * s.OW + column] = MINE(sums, t)[k * across + j];
                }
            }
        }
    }
}

/* Adds up the parts of a sum: `splits` numbers that are `apart`. */
DEVICE real added(const real *parts, whole splits, whole apart) {
    real sum = parts[0];
    for (whole split = 1; split < splits; split++) sum += parts[split * apart];
    return sum;
}

/* Results, with a bias if there is one. A block for some filters of some images. */
DEVICE void conv_forward(const real *x, const real *w, const real *bias, real *y, whole n, whole batch, whole C, whole H,
                         whole W, whole K, whole OH, whole OW, whole kh, whole sh, whole ph, whole dh, whole kw,
                         whole sw, whole pw, whole dw, whole images, whole channels, whole groups, whole filters,
                         whole across, whole splits, int biased) {
    SHARED ALIGNED real room[CONV_ROOM];
    Windows s = {batch, C, H, W, K, OH, OW, kh, sh, ph, dh, kw, sw, pw, dw};
    whole tile = groups * filters, tiles = (K + tile - 1) / tile, pixels = OH * OW, all = tile * images * pixels;
    EACH_TEAM(block, n) {
        whole first_image = block / tiles * images, first_filter = block % tiles * tile;
        conv_tile(room, x, w, s, first_image, first_filter, images, channels, groups, filters, across, splits);
        EACH_THREAD(t) {
            for (whole i = t; i < all; i += THREADS) {
                whole image = first_image + i / pixels % images, filter = first_filter + i / pixels / images;
                if (image < batch && filter < K) {
                    real sum = added(room + i, splits, all);
                    y[(image * K + filter) * pixels + i % pixels] = biased ? sum + bias[filter] : sum;
                }
            }
        }
    }
}

/* The maxima of windows of the results, and where they are. */
DEVICE void conv_pooled(const real *x, const real *w, const real *bias, real *y, real *index, whole n, whole batch,
                        whole C, whole H, whole W, whole K, whole OH, whole OW, whole kh, whole sh, whole ph, whole dh,
                        whole kw, whole sw, whole pw, whole dw, whole images, whole channels, whole groups,
                        whole filters, whole across, whole splits, int biased, int relu, whole PH, whole PW,
                        whole pool_kh, whole pool_sh, whole pool_ph, whole pool_dh, whole pool_kw, whole pool_sw,
                        whole pool_pw, whole pool_dw) {
    SHARED ALIGNED real room[CONV_ROOM];
    Windows s = {batch, C, H, W, K, OH, OW, kh, sh, ph, dh, kw, sw, pw, dw};
    whole tile = groups * filters, tiles = (K + tile - 1) / tile, all = tile * images * OH * OW;
    EACH_TEAM(block, n) {
        whole first_image = block / tiles * images, first_filter = block % tiles * tile;
        conv_tile(room, x, w, s, first_image, first_filter, images, channels, groups, filters, across, splits);
        if (1 < splits) {
            EACH_THREAD(t) {
                for (whole i = t; i < all; i += THREADS) room[i] = added(room + i, splits, all);
            }
        }
        EACH_THREAD(t) {
            for (whole i = t; i < tile * images * PH * PW; i += THREADS) {
                whole column = i % PW, row = i / PW % PH, plane = i / PW / PH;
                whole image = first_image + plane % images, filter = first_filter + plane / images;
                if (image < batch && filter < K) {
                    real own = biased ? bias[filter] : (real)0, at;
                    whole to = ((image * K + filter) * PH + row) * PW + column;
                    y[to] = largest_of(room + plane * OH * OW, OH, OW, row * pool_sh - pool_ph, column * pool_sw - pool_pw,
                                       pool_kh, pool_kw, pool_dh, pool_dw, biased, own, relu, &at);
                    index[to] = at;
                }
            }
        }
    }
}

/* The gradient to the weights over some of the images: parts x K x C x kh x kw. A block for some filters and channels of
 * a part; a thread for a row of the windows of some filters, and the lines of the results share the sums. */
DEVICE void conv_filter(const real *x, const real *dy, real *parts, whole n, whole batch, whole C, whole H, whole W,
                        whole K, whole OH, whole OW, whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw,
                        whole dw, whole part, whole images, whole channels, whole groups, whole filters, whole across,
                        whole splits) {
    SHARED ALIGNED real room[CONV_ROOM];
    OWN(real, sums, CONV_SUMS);
    whole tile = groups * filters, tiles = (K + tile - 1) / tile, slices = (C + channels - 1) / channels;
    whole segments = (OW + across - 1) / across, length = segments * across;
    whole rows = seen_by(OH, kh, sh, dh), columns = seen_by(OW, kw, sw, dw);
    whole span = seen_by(across, kw, sw, dw), line = line_of(seen_by(length, kw, sw, dw));
    /* The first line of the next plane is as far from the last window's line as lines are from each other. */
    whole plane = rows * line + ((kh * dh - rows) * line % 32 + 32) % 32;
    whole pairs = channels * kh, all = pairs * groups * filters * kw;
    EACH_TEAM(block, n) {
        whole first_filter = block % tiles * tile, first_channel = block / tiles % slices * channels;
        whole own = block / tiles / slices, end = least_of((own + 1) * part, batch);
        whole held = least_of(channels, C - first_channel), kept = least_of(tile, K - first_filter);
        EACH_THREAD(t) {
            UNROLL for (int i = 0; i < filters * kw; i++) MINE(sums, t)[i] = 0;
        }
        for (whole first = own * part; first < end; first += images) {
            whole count = least_of(images, end - first);
            real *gradients = room + images * channels * plane;
            EACH_THREAD(t) {
                for (whole i = 0; i < count; i++) {
                    const real *from = x + ((first + i) * C + first_channel) * H * W;
                    int filled = 0 < ph + pw || H < rows || W < columns || OW < length;
                    read_planes(from, room + i * channels * plane, t, held, H, W, ph, pw, rows, line, plane, filled);
                    from = dy + ((first + i) * K + first_filter) * OH * OW;
                    read_planes(from, gradients + i * tile * OH * length, t, kept, OH, OW, 0, 0, OH, length, OH * length, 1);
                }
            }
            EACH_THREAD(t) {
                whole pair = t % pairs, group = t / pairs % groups, split = t / pairs / groups;
                if (split < splits) {
                    for (whole at = split; at < count * OH; at += splits) {
                        whole i = at / OH, row = at % OH;
                        const real *pixels =
                            room + (i * channels + pair / kh) * plane + (row * sh + pair % kh * dh) * line;
                        const real *factors = gradients + ((i * tile + group * filters) * OH + row) * length;
                        for (whole segment = 0; segment < segments; segment++) {
                            real near[CONV_SPAN];
                            UNROLL for (int j = 0; j < span; j++) near[j] = pixels[segment * across * sw + j];
                            UNROLL for (int k = 0; k < filters; k++) {
                                UNROLL for (int j = 0; j < across; j++) {
                                    real factor = factors[k * OH * length + segment * across + j];
                                    UNROLL for (int b = 0; b < kw; b++) {
                                        real *sum = MINE(sums, t) + k * kw + b;
                                        *sum = r_fma(factor, near[j * sw + b * dw], *sum);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        EACH_THREAD(t) {
            if (t < pairs * groups * splits) {
                UNROLL for (int i = 0; i < filters * kw; i++) room[t * filters * kw + i] = MINE(sums, t)[i];
            }
        }
        EACH_THREAD(t) {
            for (whole i = t; i < all; i += THREADS) {
                whole b = i % kw, k = i / kw % filters, pair = i / kw / filters % pairs;
                whole filter = first_filter + i / kw / filters / pairs * filters + k, channel = first_channel + pair / kh;
                if (filter < K && channel < C) {
                    parts[(((own * K + filter) * C + channel) * kh + pair % kh) * kw + b] = added(room + i, splits, all);
                }
            }
        }
    }
}

/* The gradient to the image, for strides of 1. A block for some channels of an image.
 *
 * A thread has a row of gradients of results times all rows of the windows, one after the other, whose sums belong to the
 * same row of the image as long as they do not go over the first row of the results; from there on it takes the last ones,
 * and the sums belong to a row further down. So no product with the zeros above and below the results is computed. */
DEVICE void conv_input(const real *dy, const real *w, real *dx, whole n, whole C, whole H, whole W, whole K, whole OH,
                       whole OW, whole kh, whole ph, whole dh, whole kw, whole pw, whole dw, whole taps, whole groups,
                       whole channels, whole splits) {
    SHARED ALIGNED real room[CONV_ROOM];
    OWN(real, sums, CONV_SUMS);
    whole tile = groups * channels, tiles = (C + tile - 1) / tile, record = in_fours(channels * kw);
    whole length = line_of(OW), width = OW + (kw - 1) * dw, over = (kh - 1) * dh;
    /* Rows of the image that are finished first, and the others, which take the place of what is read. */
    whole early = tile * over * width, late = tile * OH * width;
    whole lanes = tile * taps * kw, ways = most_of(THREADS / lanes, 1);
    real *before = room, *gradients = room + in_fours(splits * early), *weights = gradients + K * OH * length;
    EACH_TEAM(block, n) {
        whole image = block / tiles, first_channel = block % tiles * tile;
        EACH_THREAD(t) {
            UNROLL for (int i = 0; i < channels * width; i++) MINE(sums, t)[i] = 0;
            read_planes(dy + image * K * OH * OW, gradients, t, K, OH, OW, 0, 0, OH, length, OH * length, 0);
        }
        for (whole a0 = 0; a0 < kh; a0 += taps) {
            whole count = least_of(taps, kh - a0);
            EACH_THREAD(t) {
                for (whole i = t; i < lanes * ways; i += THREADS) {
                    whole b = i % kw, a = i / kw % taps, c = i / kw / taps % tile;
                    const real *from = w + ((first_channel + c) * kh + a0 + a) * kw + b;
                    real *to = weights + (a * K * groups + c / channels) * record + b * channels + c % channels;
                    int inside = a < count && first_channel + c < C;
                    for (whole k = i / lanes; k < K; k += ways) {
                        to[k * groups * record] = inside ? from[k * C * kh * kw] : (real)0;
                    }
                }
            }
            EACH_THREAD(t) {
                whole row = t % OH, group = t / OH % groups, split = t / OH / groups;
                if (split < splits) {
                    for (whole a = 0; a < count; a++) {
                        whole far = row - (a0 + a) * dh;
                        const real *lines = gradients + (far < 0 ? far + OH : far) * length;
                        const real *factors = weights + (a * K * groups + group) * record;
                        for (whole k = split; k < K; k += splits) {
                            real near[CONV_SPAN];
                            UNROLL for (int j = 0; j < OW; j++) near[j] = lines[k * OH * length + j];
                            UNROLL for (int b = 0; b < kw; b++) {
                                UNROLL for (int c = 0; c < channels; c++) {
                                    real factor = factors[k * groups * record + b * channels + c];
                                    UNROLL for (int j = 0; j < OW; j++) {
                                        real *sum = MINE(sums, t) + c * width + j + b * dw;
                                        *sum = r_fma(factor, near[j], *sum);
                                    }
                                }
                            }
                        }
                        if (0 <= far && far < dh && row < over) {
                            UNROLL for (int i = 0; i < channels * width; i++) {
                                whole c = group * channels + i / width;
                                before[((split * tile + c) * over + row) * width + i % width] = MINE(sums, t)[i];
                                MINE(sums, t)[i] = 0;
                            }
                        }
                    }
                }
            }
        }
        EACH_THREAD(t) {
            whole row = t % OH, group = t / OH % groups, split = t / OH / groups;
            if (split < splits) {
                whole to = row < over ? row + OH - over : row - over;
                UNROLL for (int i = 0; i < channels * width; i++) {
                    whole c = group * channels + i / width;
                    gradients[((split * tile + c) * OH + to) * width + i % width] = MINE(sums, t)[i];
                }
            }
        }
        EACH_THREAD(t) {
            for (whole i = t; i < tile * H * W; i += THREADS) {
                whole c = i / W / H, row = i / W % H + ph, column = i % W + pw;
                const real *parts = row < over ? before + (c * over + row) * width
                                               : gradients + (c * OH + row - over) * width;
                if (first_channel + c < C) {
                    dx[(image * C + first_channel) * H * W + i] = added(parts + column, splits, row < over ? early : late);
                }
            }
        }
    }
}
